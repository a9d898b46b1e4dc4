// Package mailtrip sends a small message on the way that people's messages
// take, and fetches it where they are read: in by a login at the submission
// server (SMTP), out by a login at the mailbox (IMAP). It tells how long the
// message was under way, or which step went wrong.
//
// Each message bears a mark. Marked messages, and no others, are deleted: the
// one that was sent, and those older than an hour that an earlier look left.
package mailtrip
