// Package unixprobe probes whatever listens on a Unix socket of this machine:
// that it answers, what it says in a dialogue, and its certificate where it
// speaks TLS.
//
// Its metrics have blackbox_exporter's names and meanings.
package unixprobe
