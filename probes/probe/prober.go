package probe

import (
	"context"

	"tocsin/internal/frame"
)

// A Prober looks at one service as its user would.
//
// Probe looks once, afresh: it reuses no connection, no session and no answer
// of an earlier look. It MUST return soon after ctx ends, and it MUST bound in
// bytes, depth and time whatever it reads from the network. It never panics on
// what a server sends. It may be called from several goroutines.
//
// What is wrong with the service is told by the Result's Reason. What is wrong
// with ourselves (a secret's file that cannot be read, no file descriptor
// left, a caller that went away) is told by Unmeasured, for then nothing is
// known of the service: it is neither up nor down.
//
// No secret may be in a Result, whatever the server echoed.
type Prober interface {
	// Families lists the protocol's own metrics: all that the samples of a
	// Result may belong to. What every probe has (success, duration, failure,
	// address, certificates) is derived from the other fields of the Result.
	Families() []*frame.Family
	// Probe looks once.
	Probe(ctx context.Context) Result
}

// A Phase is a part of a probe's time, and where a failure occurred. The list
// is closed: it is the value of the label phase.
type Phase string

// The phases of a probe, in their order.
const (
	PhaseResolve    Phase = "resolve"    // the name is looked up
	PhaseConnect    Phase = "connect"    // the connection is made
	PhaseTLS        Phase = "tls"        // TLS is negotiated and the certificate verified
	PhaseProcessing Phase = "processing" // the question is sent; up to the first byte of the answer
	PhaseTransfer   Phase = "transfer"   // the rest of the answer is read and judged
)

// Phases lists all phases in their order.
func Phases() []Phase {
	return []Phase{PhaseResolve, PhaseConnect, PhaseTLS, PhaseProcessing, PhaseTransfer}
}
