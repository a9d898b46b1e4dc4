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

type labelPair = labels.Label

func setNonEmpty(set model.LabelSet, l labelPair) {
	if l.Value != "" {
		set[model.LabelName(l.Name)] = model.LabelValue(l.Value)
	}
}

// A verdict is what silence of a rule means for an alert that it had raised.
type verdict int

const (
	undecided verdict = iota // cannot be known yet: it stays
	ended                    // data came, and the condition is not met: it ended
	noData                   // no data comes: it stays, and that is said
	unwatched                // rule or target are no longer configured
)

// judge finds out why a rule no longer confirms an alert.
type judge struct {
	log        *slog.Logger
	engine     *promql.Engine
	db         storage.Queryable
	configured func() map[key]bool
	health     func() map[key]health
}

// of gives the verdict. r is nil when the rule is gone.
func (j *judge) of(ctx context.Context, e *entry, r *rules.AlertingRule) verdict {
	if r == nil {
		return unwatched
	}
	k := key{string(e.Labels["job"]), string(e.Labels["instance"])}
	if k.job == "" || k.instance == "" {
		return ended // a rule of the site's own, over many targets: nothing to hold it to
	}
	if !j.configured()[k] {
		return unwatched
	}
	names := selected(r.Query())
	h, scraped := j.health()[k]
	switch {
	case !scraped || h.scraped.IsZero():
		return undecided
	case slices.Contains(names, "up"):
		return ended // the rule judges reachability itself
	case !h.up || time.Since(h.scraped) > 3*h.every+time.Second:
		return noData
	}
	if muted, err := j.mutedByCause(ctx, r.Query(), e.Labels); err != nil || muted {
		return undecided
	}
	for _, name := range names {
		if strings.HasPrefix(name, "ALERTS") || strings.HasPrefix(name, "tocsin_collector_") {
			continue // not the target's; and the frame sends these with every page
		}
		if there, err := j.delivers(ctx, name, e.Labels); err != nil {
			j.log.Warn("whether data still comes could not be asked", "metric", name, "err", err)
			return undecided
		} else if there {
			continue
		}
		// The target answers and this series is gone: mended away (an
		// unmounted file system), unless a part of it could not be measured.
		if blind, err := j.blind(ctx, k); err != nil || blind {
			return noData
		}
	}
	return ended
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

// mutedByCause tells whether the condition still holds, and the rule is silent
// only because an alert that is its cause fires: (…) unless on (host) ALERTS{…}.
// That is no end: what a dead host served is still down.
func (j *judge) mutedByCause(ctx context.Context, expr parser.Expr, alert model.LabelSet) (bool, error) {
	bare, causes := withoutCauses(expr)
	if !causes {
		return false, nil
	}
	vector, err := j.query(ctx, bare)
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

// delivers tells whether the target still sends a series of this name that
// agrees with the alert's labels where both have the label.
func (j *judge) delivers(ctx context.Context, name string, alert model.LabelSet) (bool, error) {
	vector, err := j.query(ctx, fmt.Sprintf("{__name__=%q,job=%q,instance=%q}", name, string(alert["job"]), string(alert["instance"])))
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(vector, func(s promql.Sample) bool { return agrees(s.Metric, alert) }), nil
}

// blind tells whether a part of the target could not be measured: a collector
// failed, or a probe did not get as far as what the series tells (a stopped
// server shows no certificate).
func (j *judge) blind(ctx context.Context, k key) (bool, error) {
	at := fmt.Sprintf("{job=%q,instance=%q}", k.job, k.instance)
	vector, err := j.query(ctx, "tocsin_collector_success"+at+" == 0 or probe_success"+at+" == 0")
	return len(vector) > 0, err
}

func (j *judge) query(ctx context.Context, expr string) (promql.Vector, error) {
	q, err := j.engine.NewInstantQuery(ctx, j.db, nil, expr, time.Now())
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
