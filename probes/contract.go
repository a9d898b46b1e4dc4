package probes

import "tocsin/probes/probe"

// The contract's types under the names that the rest of the house uses.
type (
	// A Prober looks at one service; see probe.Prober.
	Prober = probe.Prober
	// A Result is what one look found; see probe.Result.
	Result = probe.Result
	// A Reason says why a probe failed; see probe.Reason.
	Reason = probe.Reason
)

// Reasons lists all reasons for a failure, for the reference pages and rules.
func Reasons() []Reason { return probe.Reasons() }
