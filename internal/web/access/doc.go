// Package access decides who may ask a Tocsin for what: by class of route, by
// user or client certificate, and by where a request comes from. It also
// brings the TLS of the listener.
//
// It is not the server: it looks at requests and says no, in words.
package access
