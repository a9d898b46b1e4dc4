// Package grade grades the security headers of a web site as Mozilla's HTTP
// Observatory does: twelve tests, a score, a letter. It is given what a site
// answered and asks nothing itself.
//
// The rules and numbers are those of mdn-http-observatory, algorithm version 6
// (src/constants.js, src/grader/charts.js, src/analyzer/tests/*.js at commit
// 94042bb), its quirks included, so that the grades are equal. Version 5 is
// the same without the two tests that 6 brought.
package grade
