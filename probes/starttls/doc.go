// Package starttls asks servers whose connections begin without TLS to turn to
// it, each protocol in its own words. After that the connection is ready for
// the handshake.
//
// It negotiates no TLS itself, and says no more than it must to be let through.
package starttls
