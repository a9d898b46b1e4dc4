// Package bus asks services on the machine's message bus (D-Bus): systemd and
// logind, for what exporters/host tells of them. It makes calls and reads
// their replies; it serves nothing, follows no signals, and starts no service
// that is not running.
//
// It is small and our own because godbus does not bear a bus that misbehaves:
// it reads a handshake of any length, has a goroutine for each call, and ends
// the process when a signal NameAcquired comes without a body or a message
// breaks off in its header (conn.go and message.go of v5.2.2). Here everything
// read is bounded and nothing runs but the caller.
//
// The facts are those of the D-Bus specification 0.42.
package bus
