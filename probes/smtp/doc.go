// Package smtp speaks SMTP as a mail server's client does, command by command,
// for probes that want to know what each answer was.
//
// It opens no connections and negotiates no TLS (that is probes/stream's), and
// it judges nothing: whether an answer is good is for the probe to say.
package smtp
