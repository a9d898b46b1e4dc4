// Package tcpprobe probes whatever listens on a TCP port: that it answers, what
// it says in a dialogue, and its certificate where it speaks TLS.
//
// Its metrics have blackbox_exporter's names and meanings.
package tcpprobe
