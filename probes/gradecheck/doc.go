// Package gradecheck asks a web site what its grade needs, as Mozilla's HTTP
// Observatory does, and compares the grade with the one that was promised:
// the page over https, the way to it from http, and the answer to OPTIONS.
// How it is graded is probes/grade's.
//
// It asks without credentials and judges headers even where the certificate is
// not good, as the Observatory does.
package gradecheck
