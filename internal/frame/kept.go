package frame

import (
	"maps"

	dto "github.com/prometheus/client_model/go"
)

// kept is what a collector with its own clock sent last, in a twentieth of
// the memory that a page takes: a site may have thousands of probes.
type kept struct {
	families []*Family
	counts   []int     // of each family's samples
	values   []float64 // of all families, one after another
	labels   []string  // their values, as declared
	whole    map[string]*family
}

// keep takes what a collector sent. Histograms, and what was passed on, are
// kept as they are.
func keep(sent map[string]*family) *kept {
	k := &kept{}
	values, labels := 0, 0
	for _, fam := range sent {
		if fam.plain() {
			k.families = append(k.families, fam.declared)
			values += len(fam.dto.Metric)
			labels += len(fam.dto.Metric) * len(fam.order)
		}
	}
	k.values, k.labels = make([]float64, 0, values), make([]string, labels)
	k.counts = make([]int, len(k.families))
	free := k.labels
	for i, f := range k.families {
		fam := sent[f.Name]
		k.counts[i] = len(fam.dto.Metric)
		for _, m := range fam.dto.Metric {
			k.values = append(k.values, valueOf(m))
			for sorted, declared := range fam.order {
				free[declared] = m.Label[sorted].GetValue()
			}
			free = free[len(fam.order):]
		}
	}
	if len(sent) > len(k.families) {
		k.whole = map[string]*family{}
		for name, fam := range sent {
			if !fam.plain() {
				k.whole[name] = fam
			}
		}
	}
	return k
}

// page returns it as a collector that runs at each scrape sends it.
func (k *kept) page() map[string]*family {
	if k == nil {
		return nil
	}
	sink := NewSink(k.families)
	values, labels := k.values, k.labels
	for i, f := range k.families {
		for range k.counts[i] {
			sink.Send(f, values[0], labels[:len(f.Labels)]...)
			values, labels = values[1:], labels[len(f.Labels):]
		}
	}
	maps.Copy(sink.families, k.whole)
	families, _ := sink.seal() // what is refused was refused when it was sent first
	return families
}

// plain tells whether the family's samples are one number each, under the
// labels that it declares.
func (fam *family) plain() bool { return fam.order != nil && fam.declared.Type != Histogram }

func valueOf(m *dto.Metric) float64 {
	switch {
	case m.Counter != nil:
		return m.Counter.GetValue()
	case m.Untyped != nil:
		return m.Untyped.GetValue()
	default:
		return m.Gauge.GetValue()
	}
}
