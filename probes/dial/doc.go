// Package dial makes a probe's connections: it looks the name up, checks each
// address against what the probe may speak to, and tries IPv6 and IPv4 side by
// side, telling which answered and what became of the others. It never uses a
// proxy.
//
// It speaks no protocol above TCP.
package dial
