package brick

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"tocsin/bricks"
	"tocsin/internal/frame"
)

// A Finding is what the newest look at a brick told, for people: what its page
// says in metrics, with the words that no label may carry.
type Finding struct {
	At time.Time // when the look began; zero: there was none
	// Known is false where it could not be judged whether the service is well.
	Known, Up bool
	// Since is when the judgement changed, or when it was first found not to be
	// well; zero where the service was never seen otherwise.
	Since   time.Time
	Reason  bricks.Reason // why it is not well
	Words   string        // the same in full
	Version string        // empty: it does not tell
	Failed  []FailedRequest
	Missing []MissingMetric
}

// A FailedRequest is one request of a brick that was not answered in full.
type FailedRequest struct {
	Name   string
	Reason bricks.Reason
	Words  string
}

// A MissingMetric is a metric that could not be had.
type MissingMetric struct {
	Name   string
	Reason bricks.MissingReason
}

// Newest returns what a collector made by New found when it last looked, a
// Finding without At before that; false for any other collector. What it holds
// is not to be changed.
func Newest(c frame.Collector) (found Finding, ok bool) {
	b, ok := c.(*collector)
	if !ok {
		return Finding{}, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.newest, true
}

// note keeps what a look has told.
func (c *collector) note(f Finding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch old := c.newest; {
	case old.Known == f.Known && old.Up == f.Up:
		f.Since = old.Since
	case !f.Known, f.Up && !old.Known: // since when is not known
	default:
		f.Since = f.At
	}
	c.newest = f
}

// failedRequests lists them by name.
func failedRequests(outcomes map[string]outcome) []FailedRequest {
	var failed []FailedRequest
	for _, name := range slices.Sorted(maps.Keys(outcomes)) {
		if o := outcomes[name]; o.asked && o.failure != nil {
			failed = append(failed, FailedRequest{Name: name, Reason: o.failure.Reason, Words: o.failure.Words})
		}
	}
	return failed
}

// missingMetrics lists them by name.
func missingMetrics(gaps map[gap]bool) []MissingMetric {
	var missing []MissingMetric
	for g := range gaps {
		missing = append(missing, MissingMetric{Name: g.metric, Reason: g.reason})
	}
	slices.SortFunc(missing, func(a, b MissingMetric) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Reason, b.Reason))
	})
	return missing
}
