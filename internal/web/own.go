package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// ownPage gathers Tocsin's own metrics, in time: one gathering runs at a time,
// those who ask meanwhile share it, and who cannot wait goes without.
type ownPage struct {
	gatherer prometheus.Gatherer

	mu      sync.Mutex // guards current
	current *ownRun    // nil: none is under way
}

type ownRun struct {
	done     chan struct{}
	families []*dto.MetricFamily // set, as err is, before done is closed
	err      error
}

// errLate says that Tocsin's own metrics were not there in time.
var errLate = errors.New("tocsin's own metrics were not gathered in time")

// gather returns what it has even when it returns an error. The families are
// shared: they must not be changed.
func (o *ownPage) gather(ctx context.Context) ([]*dto.MetricFamily, error) {
	o.mu.Lock()
	run := o.current
	if run == nil {
		run = &ownRun{done: make(chan struct{})}
		o.current = run
		go o.run(run) // ends when the gatherer does
	}
	o.mu.Unlock()
	select {
	case <-run.done:
		return run.families, run.err
	case <-ctx.Done():
		return nil, errLate
	}
}

func (o *ownPage) run(run *ownRun) {
	defer func() {
		if p := recover(); p != nil {
			run.families, run.err = nil, fmt.Errorf("gathering panicked: %v", p)
		}
		o.mu.Lock()
		o.current = nil
		o.mu.Unlock()
		close(run.done)
	}()
	run.families, run.err = o.gatherer.Gather()
}

// merge joins two pages, each sorted by name. Where both have a family, a's
// series win: of b only those come along that fit. It returns the names of the
// families that lost something. Neither page is changed.
func merge(a, b []*dto.MetricFamily) (page []*dto.MetricFamily, clashes []string) {
	page = make([]*dto.MetricFamily, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch order := cmp.Compare(a[0].GetName(), b[0].GetName()); {
		case order < 0:
			page, a = append(page, a[0]), a[1:]
		case order > 0:
			page, b = append(page, b[0]), b[1:]
		default:
			family, clean := join(a[0], b[0])
			if !clean {
				clashes = append(clashes, family.GetName())
			}
			page, a, b = append(page, family), a[1:], b[1:]
		}
	}
	return append(append(page, a...), b...), clashes
}

// join puts b's series into a's family; clean is false when some did not fit.
func join(a, b *dto.MetricFamily) (family *dto.MetricFamily, clean bool) {
	if a.GetType() != b.GetType() {
		return a, false
	}
	seen := make(map[string]bool, len(a.GetMetric()))
	for _, m := range a.GetMetric() {
		seen[signature(m)] = true
	}
	family = &dto.MetricFamily{
		Name: a.Name, Help: a.Help, Type: a.Type, Unit: a.Unit,
		Metric: slices.Clip(slices.Clone(a.GetMetric())),
	}
	clean = true
	for _, m := range b.GetMetric() {
		if seen[signature(m)] {
			clean = false
			continue
		}
		family.Metric = append(family.Metric, m)
	}
	return family, clean
}

// signature is equal for the same labels in any order.
func signature(m *dto.Metric) string {
	pairs := make([]string, len(m.GetLabel()))
	for i, l := range m.GetLabel() {
		pairs[i] = l.GetName() + "\xff" + l.GetValue()
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "\xfe")
}

// noteProblems counts what /metrics went without, and logs it once for each
// change.
func (s *Server) noteProblems(err error, clashes []string) {
	text := ""
	if err != nil {
		s.metrics.problems.WithLabelValues(causeGather).Inc()
		text = err.Error()
	}
	if len(clashes) > 0 {
		s.metrics.problems.WithLabelValues(causeClash).Add(float64(len(clashes)))
		text = strings.TrimPrefix(text+"; two sources of the same series: "+strings.Join(clashes, ", "), "; ")
	}
	s.told.Lock()
	defer s.told.Unlock()
	if text == s.problems {
		return
	}
	s.problems = text
	if text == "" {
		s.log.Info("metrics page is whole again")
		return
	}
	s.log.Error("metrics page went without some series", "err", text)
}
