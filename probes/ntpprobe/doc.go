// Package ntpprobe asks a time server for the time once, as a client does
// (SNTP, RFC 5905), and says how far its clock and ours are apart, and whether
// the server itself knows the time.
//
// It sets no clock. What the offset means is for who reads it: it is the
// difference of two clocks, and ours may be the wrong one.
package ntpprobe
