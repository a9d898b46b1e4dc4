// Package dnsprobe asks a name server one question, over UDP, TCP or TLS, and
// judges the answer.
//
// Its metrics have blackbox_exporter's names and meanings.
package dnsprobe
