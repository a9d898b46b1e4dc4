// Package updatewatch compares what a site has deployed with what upstream has
// released, and says so once: first a silent baseline with one summary, then
// one message for each project, which changes as releases come, and ends when
// the deployed version has caught up.
//
// It asks only where the site file says (updatewatch/forge, behind the guard
// of updatewatch/feed), orders versions as their authors mean them
// (updatewatch/version), and keeps what it knows in one JSON file, from which
// it goes on after a crash. It installs nothing, and it does not watch the
// packages of an operating system: apt does.
package updatewatch
