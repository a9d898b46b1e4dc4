// Package ldapprobe asks a directory server as its users' programs would: it
// binds, searches, and sees what of it would be let through without TLS.
//
// It changes nothing in a directory, and measures no server from inside.
package ldapprobe
