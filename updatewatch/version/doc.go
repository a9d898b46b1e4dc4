// Package version puts the versions of software in order, as their authors
// mean it: v11.10.0-rc3 before v11.10.0-rc10 before v11.10.0, 1.1.1 before
// 1.1.1w, 12.1.10 before 12.1.10+security-01. It also finds the version in a
// tag or in what a deployed program says of itself, and the release line that
// a version belongs to.
//
// It compares what it is given; which tags are releases at all, the source's
// pattern says.
package version
