// Package config reads the site file, the one file that says what a site is
// made of, and proves it: every key known, every value possible, every
// reference to something that exists, every file readable. It composes the
// configurations that the rooms define; it starts nothing and connects to
// nobody.
//
// A Site is read once and never changed afterwards. To reload is to Load
// again, compare the fingerprints, and build everything new.
package config
