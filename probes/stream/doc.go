// Package stream opens the connections of probes whose protocol is a stream of
// bytes: it reaches the server, negotiates TLS, and writes both into the
// result's hops and step by step account, in the same words for every protocol.
//
// It speaks no protocol of its own.
package stream
