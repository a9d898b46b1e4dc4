package frame

import (
	"context"
	"errors"
	"path"
	"strings"
)

// A Collector measures one thing and sends what it measured to a Sink.
//
// Collect MUST return soon after ctx ends; a collector that cannot (a blocked
// system call) is left behind by the runner, and is not called again until it
// has returned. Collect is never called twice at the same time by one runner.
// It MUST send only families that Families lists. On partial success it sends
// what it has and returns the error. It returns ErrNoData when there is
// nothing to report on this machine, which is no failure. It MUST NOT put
// secrets in errors: they reach the log and the status page.
type Collector interface {
	// Name identifies the collector in its target, in snake_case. It is the
	// value of the label collector.
	Name() string
	// Families lists all that Collect may send. The list must not change
	// during the collector's life.
	Families() []*Family
	// Collect measures once.
	Collect(ctx context.Context, s *Sink) error
}

// An Explainer is a Collector that can say in words what its newest run found
// wrong: the text of a probe's last error, say. The text goes to the status
// page and into messages, never into a label. It is empty when all is well.
// Explain may be called at any time, from any goroutine.
type Explainer interface {
	Explain() string
}

// An Asider is a Collector that can say in words what it leaves alone on this
// machine, which is not set up for it, and why. Nobody asked for it, so it is no
// fault; but nobody may believe that it is watched: the text goes to the status
// page. It is empty when all is watched. Aside may be called as Explain may.
type Asider interface {
	Aside() string
}

// ErrNoData is returned by a Collector that has nothing to report here: the
// kernel lacks the file, the feature is off. It counts as a success.
var ErrNoData = errors.New("no data")

// Type is the type of a family, as Prometheus knows it.
type Type int

// The types of families that collectors send.
const (
	Gauge Type = iota
	Counter
	Untyped
	Histogram // sent by SendHistogram
)

// String returns the type as the text format writes it.
func (t Type) String() string {
	switch t {
	case Counter:
		return "counter"
	case Untyped:
		return "untyped"
	case Histogram:
		return "histogram"
	default:
		return "gauge"
	}
}

// A Family declares one metric: all samples of one name.
//
// Where the kernel decides the names (node_memory_*), Name is a pattern in
// the sense of path.Match; such a family only declares, and what is sent is
// a Family of its own with the full name.
type Family struct {
	Name   string
	Help   string
	Type   Type
	Labels []string // label names, in the order in which Send takes their values
}

// AnyName is the name of a family that covers all others: of a collector that
// passes on whatever somebody else has named. It tells nobody that a metric
// exists.
const AnyName = "*"

// Covers tells whether f declares the metric name: by being it, or by its
// pattern. A histogram declares the three names of its parts too.
func (f *Family) Covers(name string) bool {
	if f.Name == name {
		return true
	}
	if rest, ok := strings.CutPrefix(name, f.Name+"_"); ok && f.Type == Histogram {
		return rest == "bucket" || rest == "sum" || rest == "count"
	}
	ok, err := path.Match(f.Name, name)
	return err == nil && ok
}
