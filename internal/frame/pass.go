package frame

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
)

// Pass adds a whole family as somebody else's page had it, histograms and
// summaries too. The collector must have declared its name, or a pattern that
// covers it, and sends nothing else of that name. Metrics without valid or
// unique labels are dropped and make the run fail with ReasonInvalid. The sink
// keeps mf: the caller must not use it again.
func (s *Sink) Pass(mf *dto.MetricFamily) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sealed {
		return
	}
	name := mf.GetName()
	if _, ok := s.families[name]; ok {
		s.reject(nil, fmt.Errorf("%s was sent and passed on", name))
		return
	}
	if !model.LegacyValidation.IsValidMetricName(name) {
		s.reject(nil, fmt.Errorf("%s is no name that every reader takes", strconv.Quote(name)))
		return
	}
	if !slices.ContainsFunc(s.declared, func(d *Family) bool { return d.Covers(name) }) {
		s.reject(nil, fmt.Errorf("%s is not declared by its collector", name))
		return
	}
	all := mf.Metric
	mf.Metric = all[:0]
	fam := &family{declared: &Family{Name: name, Help: mf.GetHelp(), Type: Untyped}, dto: mf}
	for _, m := range all {
		if err := fam.pass(m); err != nil {
			s.reject(fam, err)
		}
	}
	s.families[name] = fam
}

// pass adds a metric, its labels sorted.
func (fam *family) pass(m *dto.Metric) error {
	slices.SortFunc(m.Label, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetName(), b.GetName()) })
	for i, l := range m.Label {
		if i > 0 && m.Label[i-1].GetName() == l.GetName() {
			return fmt.Errorf("%s has the label %s twice", fam.declared.Name, l.GetName())
		}
		if !model.LegacyValidation.IsValidLabelName(l.GetName()) {
			return fmt.Errorf("%s has a label %s, no name that every reader takes", fam.declared.Name, strconv.Quote(l.GetName()))
		}
		if !utf8.ValidString(l.GetValue()) {
			return fmt.Errorf("%s: label %s is not UTF-8", fam.declared.Name, l.GetName())
		}
	}
	if !fam.add(m) {
		return fmt.Errorf("%s has two metrics with the same labels", fam.declared.Name)
	}
	return nil
}
