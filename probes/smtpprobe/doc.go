// Package smtpprobe looks at a mail server as another mail server, or a mail
// program that sends, would: greeting, EHLO, TLS, and whether it would take a
// message. It never sends one: the conversation ends before DATA.
package smtpprobe
