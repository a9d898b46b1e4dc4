package engine

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
)

// A verdict is what silence of a rule means for an alert that it had raised.
type verdict int

const (
	undecided verdict = iota // cannot be known yet: it stays
	ended                    // data came, and the condition is not met: it ended
	noData                   // no data comes: it stays, and that is said
	unwatched                // rule or target are no longer configured
)

// judge finds out why a rule no longer confirms an alert. All is asked of the
// measurements at the instant at which the rule spoke.
type judge struct {
	log        *slog.Logger
	engine     *promql.Engine
	db         storage.Queryable
	configured func() map[key]bool
	recorded   func(name string) parser.Expr // what a recording rule makes it of; nil: no rule does
	collector  func(metric string) string    // which collector sends it; empty: not known
}

// of gives the verdict. s is nil when no rule has the alert's name.
func (j *judge) of(ctx context.Context, e entry, s *ruleState, at time.Time) verdict {
	if s == nil {
		return unwatched
	}
	k := key{string(e.Labels["job"]), string(e.Labels["instance"])}
	if k.job == "" || k.instance == "" {
		return ended // a rule of the site's own, over many targets: nothing to hold it to
	}
	if !j.configured()[k] {
		return unwatched
	}
	if c, ok := s.successor(&e); ok && !c.firing {
		return undecided // it goes on under another severity, as soon as that fires
	}
	v, err := j.ask(ctx, e.Labels, k, s, at)
	if err != nil {
		j.log.Warn("whether data still comes could not be asked", "err", err)
		return undecided
	}
	return v
}

func (j *judge) ask(ctx context.Context, alert model.LabelSet, k key, s *ruleState, at time.Time) (verdict, error) {
	up, err := j.query(ctx, fmt.Sprintf("max(up{job=%q,instance=%q})", k.job, k.instance), at)
	if err != nil || len(up) == 0 {
		return undecided, err // not scraped yet
	}
	var names []string
	for _, expr := range s.exprs {
		if muted, err := j.mutedByCause(ctx, expr, alert, at); err != nil || muted {
			return undecided, err
		}
		names = append(names, selected(expr)...)
	}
	if slices.Contains(names, "up") {
		return ended, nil // the rule judges reachability itself
	}
	if up[0].F == 0 {
		return noData, nil
	}
	for _, name := range names {
		if v, err := j.source(ctx, name, alert, k, at); err != nil || v != ended {
			return v, err
		}
	}
	return ended, nil
}

// source judges one metric that the rule selects.
func (j *judge) source(ctx context.Context, name string, alert model.LabelSet, k key, at time.Time) (verdict, error) {
	if strings.HasPrefix(name, "ALERTS") || strings.HasPrefix(name, "tocsin_collector_") {
		return ended, nil // not the target's; and the frame sends these with every page
	}
	if there, err := j.delivers(ctx, name, alert, at); err != nil || there {
		return ended, err
	}
	if expr := j.recorded(name); expr != nil {
		// What it is recorded from may be back already, and the recording not.
		again, err := j.query(ctx, expr.String(), at)
		if err != nil || slices.ContainsFunc(again, func(s promql.Sample) bool { return agrees(s.Metric, alert) }) {
			return undecided, err
		}
		if from := selected(expr); len(from) > 0 {
			name = from[0]
		}
	}
	// The target answers and this series is gone: mended away (an unmounted
	// file system), unless what sends it could not measure.
	blind, err := j.blind(ctx, name, k, at)
	if err != nil || !blind {
		return ended, err
	}
	return noData, nil
}

// selected lists the metric names that an expression selects.
func selected(expr parser.Expr) []string {
	var names []string
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			name := s.Name
			for _, m := range s.LabelMatchers {
				if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
					name = m.Value
				}
			}
			if name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		return nil
	})
	return names
}

// recordedBy looks a name up among the recording rules of groups.
func recordedBy(groups []*rules.Group, name string) parser.Expr {
	for _, g := range groups {
		for _, r := range g.Rules() {
			if rec, ok := r.(*rules.RecordingRule); ok && rec.Name() == name {
				return rec.Query()
			}
		}
	}
	return nil
}

// mutedByCause tells whether the condition still holds, and the rule is silent
// only because an alert that is its cause fires: (…) unless on (host) ALERTS{…}.
// That is no end: what a dead host served is still down.
func (j *judge) mutedByCause(ctx context.Context, expr parser.Expr, alert model.LabelSet, at time.Time) (bool, error) {
	bare, causes := withoutCauses(expr)
	if !causes {
		return false, nil
	}
	vector, err := j.query(ctx, bare, at)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(vector, func(s promql.Sample) bool { return agrees(s.Metric, alert) }), nil
}

// withoutCauses writes an expression without its "unless ALERTS" parts, and
// tells whether it had any.
func withoutCauses(expr parser.Expr) (string, bool) {
	found := false
	var strip func(parser.Expr) parser.Expr
	strip = func(e parser.Expr) parser.Expr {
		switch e := e.(type) {
		case *parser.BinaryExpr:
			if e.Op == parser.LUNLESS && slices.ContainsFunc(selected(e.RHS), func(name string) bool { return name == "ALERTS" }) {
				found = true
				return strip(e.LHS)
			}
			c := *e
			c.LHS, c.RHS = strip(e.LHS), strip(e.RHS)
			return &c
		case *parser.ParenExpr:
			return &parser.ParenExpr{Expr: strip(e.Expr), PosRange: e.PosRange}
		case *parser.AggregateExpr:
			c := *e
			c.Expr = strip(e.Expr)
			return &c
		}
		return e
	}
	bare := strip(expr)
	return bare.String(), found
}

// agrees tells whether a series may be the alert's: no label that both have
// differs.
func agrees(series labels.Labels, alert model.LabelSet) bool {
	ok := true
	series.Range(func(l labels.Label) {
		if v, both := alert[model.LabelName(l.Name)]; both && string(v) != l.Value {
			ok = false
		}
	})
	return ok
}

// delivers tells whether the target sends a series of this name that agrees
// with the alert's labels where both have the label.
func (j *judge) delivers(ctx context.Context, name string, alert model.LabelSet, at time.Time) (bool, error) {
	vector, err := j.query(ctx, fmt.Sprintf("{__name__=%q,job=%q,instance=%q}", name, string(alert["job"]), string(alert["instance"])), at)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(vector, func(s promql.Sample) bool { return agrees(s.Metric, alert) }), nil
}

// blind tells whether the target could not measure what a metric tells: the
// collector that sends it failed or has not run yet, or a probe did not get as
// far (a stopped server shows no certificate).
func (j *judge) blind(ctx context.Context, metric string, k key, at time.Time) (bool, error) {
	target := fmt.Sprintf("job=%q,instance=%q", k.job, k.instance)
	collector := target
	if c := j.collector(metric); c != "" {
		collector += fmt.Sprintf(",collector=%q", c)
	}
	success, err := j.query(ctx, fmt.Sprintf("min(tocsin_collector_success{%s})", collector), at)
	if err != nil || len(success) == 0 || success[0].F == 0 {
		return true, err
	}
	failing, err := j.query(ctx, fmt.Sprintf("probe_success{%s} == 0", target), at)
	return len(failing) > 0, err
}

func (j *judge) query(ctx context.Context, expr string, at time.Time) (promql.Vector, error) {
	q, err := j.engine.NewInstantQuery(ctx, j.db, nil, expr, at)
	if err != nil {
		return nil, fmt.Errorf("ask the measurements: %w", err)
	}
	defer q.Close()
	res := q.Exec(ctx)
	if res.Err != nil {
		return nil, fmt.Errorf("ask the measurements: %w", res.Err)
	}
	vector, err := res.Vector()
	if err != nil {
		return nil, fmt.Errorf("ask the measurements: %w", err)
	}
	return slices.Clone(vector), nil
}
