// Package logs tells where the machine's logs go: what rsyslog and journald
// forward to, how many messages wait or were thrown away on the way, and on a
// machine that collects, when each source was last heard. It reads settings,
// rsyslog's own numbers (impstats) and the times of files, never a message.
package logs
