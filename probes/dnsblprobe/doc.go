// Package dnsblprobe asks blocklists in the DNS (RFC 5782) whether they list
// the addresses of a host, a mail server's above all.
//
// The scheme is dnsbl://, as such lists are called wherever one is told to look
// at them. No list is asked that the site does not name: some allow only few
// questions, some none from public resolvers.
//
// A list that refuses to answer, or has died, is not measured, and its silence
// is never taken for good news: each is asked for the addresses that every list
// must have, and must not have, too.
package dnsblprobe
