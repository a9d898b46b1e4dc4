// Package probes looks at services from outside, as their users would, and
// says why one fails. It holds the site file's entries, the list of protocols
// that exist (all.go), the collector that turns a look into metrics, and the
// account of a look for people.
//
// What a probe is stands in probes/probe; each protocol has a package of its
// own. The room measures no server from inside, and alerts nobody.
package probes
