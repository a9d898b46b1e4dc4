// Package probe says what a probe is and what it finds: the contract between
// the room of probes and the code of each protocol. A protocol's package
// implements Prober on top of it; the room turns its Result into metrics, an
// account for the command line and words for an alert.
//
// It is not for configuration (that is the room's), and it speaks no protocol.
package probe
