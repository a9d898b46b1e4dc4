// Package logins counts the attempts to get into the machine that failed, and
// tells whether the directory answers that its log-ins come from. It knows
// kinds and numbers: no name, no address.
//
// The attempts are read from /var/log/auth.log, which rsyslog writes. A
// machine that has only systemd's journal is told as such, and is no fault
// unless fail2ban is to read that file; the journal's binary files are not
// read here. Who is logged in, the collector accounts counts.
package logins
