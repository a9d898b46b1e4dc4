// Package maildns looks at what a domain says about its mail in the DNS: where
// mail for it goes (MX), who may send in its name (SPF, RFC 7208), the keys
// that its messages are signed with (DKIM, RFC 6376), what receivers are to do
// with the rest (DMARC, RFC 7489), and whether mail to it must come over TLS
// (MTA-STS, RFC 8461; TLS-RPT, RFC 8460).
//
// It judges the records, not messages: whether a server really signs, and
// whether an address is among those that SPF lets send, it cannot see.
package maildns
