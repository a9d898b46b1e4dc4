package protocol

import (
	"time"

	"tocsin/internal/frame"
	"tocsin/probes/probe"
)

// Beside is implemented by a Section that also has something looked at less
// often than the probe itself: the results stand on the same page, and change
// nothing of whether the probe succeeds.
type Beside interface {
	// Beside builds what is looked at so; nil for nothing.
	Beside(e *Entry) (*Second, error)
}

// A Second is looked at beside a probe, on a clock of its own.
type Second struct {
	Name   string // of the collector, as probe_header_grade
	Said   string // what is done, over its account, as "graded beside it"
	Prober probe.Prober
	// Families lists what it sends: the samples of other families of its
	// results are not told.
	Families []*frame.Family
	Every    time.Duration
}
