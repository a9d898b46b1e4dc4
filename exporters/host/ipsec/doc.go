// Package ipsec asks strongSwan which tunnels are configured and which stand,
// over its control socket (vici). Of the ipsec exporter's names it has those
// about the daemon; the state of each tunnel has a name of its own, for there
// a tunnel that is down has no series at all. Addresses and identities are
// told where the site file asks for the exporter's other names, and nowhere
// else.
package ipsec
