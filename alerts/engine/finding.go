package engine

import (
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
)

// A finding is what one group of rules said at one evaluation. It is taken in
// the group's own goroutine, so that the alerts and the instant belong
// together: what silence means is asked of the measurements as they were then,
// not as they are when somebody gets round to asking.
type finding struct {
	group string // file;name
	at    time.Time
	count int // evaluations of this group since the start
	rules map[string]*ruleState
}

// ruleState is what the alerting rules of one name said; scoped thresholds make
// several of one name.
type ruleState struct {
	exprs   []parser.Expr
	static  []string // names of the labels that the rules themselves put on
	healthy bool     // all of them could be evaluated
	active  map[model.Fingerprint]confirmation
}

// confirmation is an alert that its rule holds to be active.
type confirmation struct {
	firing      bool // else pending: kept if known, not told if new
	since       time.Time
	labels      model.LabelSet
	annotations model.LabelSet
}

// takeFinding reads a group that was evaluated at that instant. It must be
// called where no evaluation of the group can run meanwhile.
func takeFinding(g *rules.Group, at time.Time, count int) finding {
	f := finding{group: rules.GroupKey(g.File(), g.Name()), at: at, count: count, rules: map[string]*ruleState{}}
	for _, r := range g.AlertingRules() {
		s := f.rules[r.Name()]
		if s == nil {
			s = &ruleState{healthy: true, active: map[model.Fingerprint]confirmation{}}
			f.rules[r.Name()] = s
		}
		s.exprs = append(s.exprs, r.Query())
		s.healthy = s.healthy && r.Health() != rules.HealthBad
		r.Labels().Range(func(l labels.Label) { s.static = append(s.static, l.Name) })
		for _, a := range r.ActiveAlerts() {
			c := confirmation{firing: a.State == rules.StateFiring, since: a.FiredAt, labels: labelSet(a.Labels), annotations: labelSet(a.Annotations)}
			if c.since.IsZero() {
				c.since = at
			}
			fp := c.labels.Fingerprint()
			if !s.active[fp].firing { // a pending twin does not hide the one that fires
				s.active[fp] = c
			}
		}
	}
	return f
}

func labelSet(l labels.Labels) model.LabelSet {
	set := model.LabelSet{}
	l.Range(func(l labels.Label) {
		if l.Value != "" {
			set[model.LabelName(l.Name)] = model.LabelValue(l.Value)
		}
	})
	return set
}

// successor tells whether the same condition is active under other labels of
// the rule's own: a reload changed its severity.
func (s *ruleState) successor(e *entry) (c confirmation, ok bool) {
	for _, c := range s.active {
		if sameBut(s.static, c.labels, e.Labels) {
			return c, true
		}
	}
	return confirmation{}, false
}

func sameBut(names []string, a, b model.LabelSet) bool {
	a, b = a.Clone(), b.Clone()
	for _, n := range names {
		delete(a, model.LabelName(n))
		delete(b, model.LabelName(n))
	}
	return a.Equal(b)
}
