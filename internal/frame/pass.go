package frame

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
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
	if !slices.ContainsFunc(s.declared, func(d *Family) bool { return d.Covers(name) }) {
		s.reject(nil, fmt.Errorf("%s is not declared by its collector", name))
		return
	}
	fam := &family{declared: &Family{Name: name, Help: mf.GetHelp(), Type: Untyped}, dto: mf}
	seen := make(map[uint64]struct{}, len(mf.Metric))
	mf.Metric = slices.DeleteFunc(mf.Metric, func(m *dto.Metric) bool {
		err := fam.pass(m, seen)
		if err != nil {
			s.reject(fam, err)
		}
		return err != nil
	})
	s.families[name] = fam
}

// pass sorts a metric's labels and notes them, by a hash: a page that is
// passed on at each scrape is not worth a text for each of its metrics.
func (fam *family) pass(m *dto.Metric, seen map[uint64]struct{}) error {
	slices.SortFunc(m.Label, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetName(), b.GetName()) })
	var hash maphash.Hash
	hash.SetSeed(labelSeed)
	for i, l := range m.Label {
		if i > 0 && m.Label[i-1].GetName() == l.GetName() {
			return fmt.Errorf("%s has the label %s twice", fam.declared.Name, l.GetName())
		}
		if !utf8.ValidString(l.GetValue()) {
			return fmt.Errorf("%s: label %s is not UTF-8", fam.declared.Name, l.GetName())
		}
		_, _ = hash.WriteString(l.GetName())
		_ = hash.WriteByte(0xff)
		_, _ = hash.WriteString(l.GetValue())
		_ = hash.WriteByte(0xff)
	}
	key := hash.Sum64()
	if _, ok := seen[key]; ok {
		return fmt.Errorf("%s has two metrics with the same labels", fam.declared.Name)
	}
	seen[key] = struct{}{}
	return nil
}

// labelSets are the label sets of a family's metrics, as texts. One that was
// passed on has not noted them.
func (fam *family) labelSets() map[string]struct{} {
	if fam.seen != nil {
		return fam.seen
	}
	sets := make(map[string]struct{}, len(fam.dto.Metric))
	for _, m := range fam.dto.Metric {
		var key strings.Builder
		for _, l := range m.Label {
			key.WriteString(l.GetName() + "\xff" + l.GetValue() + "\xff")
		}
		sets[key.String()] = struct{}{}
	}
	return sets
}

// labelSeed is the program's own, so that nobody can make two label sets of
// one hash.
var labelSeed = maphash.MakeSeed()
