// Package fail2ban asks fail2ban's server how its jails stand, under the
// names of the fail2ban exporter, f2b_*. It knows numbers and the jails'
// names; the addresses that are banned it neither keeps nor tells.
//
// The server speaks Python's pickle over a Unix socket. What is read here is
// the small part of it that its answers are made of: nothing in an answer can
// name code, and what is not expected ends the conversation.
package fail2ban
