// Package tlscheck shakes hands in TLS and says what is wrong with a server's
// certificate. It reads the certificates whether or not they are good, and
// verifies them by itself: a certificate that has expired still tells when.
//
// It is not for what runs above TLS.
package tlscheck
