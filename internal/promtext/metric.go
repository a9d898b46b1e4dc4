package promtext

import (
	"math"
	"slices"
	"strconv"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// Metrics returns the family as a page of ours has it, histograms and
// summaries put together again; nil where it has no sample. The result shares
// the family's memory.
func (f *Family) Metrics() *dto.MetricFamily {
	mf := &dto.MetricFamily{Name: &f.Name, Help: &f.Help}
	switch f.Type {
	case "histogram":
		mf.Type = dto.MetricType_HISTOGRAM.Enum()
		mf.Metric = grouped(f, "le")
	case "summary":
		mf.Type = dto.MetricType_SUMMARY.Enum()
		mf.Metric = grouped(f, "quantile")
	default:
		mf.Type = simple(f.Type).Enum()
		mf.Metric = plain(f.Samples, *mf.Type)
	}
	if len(mf.Metric) == 0 {
		return nil
	}
	return mf
}

func simple(typ string) dto.MetricType {
	switch typ {
	case "counter":
		return dto.MetricType_COUNTER
	case "gauge":
		return dto.MetricType_GAUGE
	}
	return dto.MetricType_UNTYPED
}

// plain makes a metric of each sample.
func plain(samples []Sample, typ dto.MetricType) []*dto.Metric {
	labels, values := make([][]*dto.LabelPair, len(samples)), make([]float64, len(samples))
	for i, s := range samples {
		labels[i], values[i] = pairs(s.Labels, ""), s.Value
	}
	return valued(labels, values, typ)
}

// valued makes metrics of labels and values. What they are made of lies in one
// piece of memory: a page has many.
func valued(labels [][]*dto.LabelPair, values []float64, typ dto.MetricType) []*dto.Metric {
	out := make([]*dto.Metric, len(values))
	switch typ {
	case dto.MetricType_COUNTER:
		all := make([]struct {
			dto.Metric
			counter dto.Counter
		}, len(values))
		for i := range all {
			m := &all[i]
			m.counter.Value, m.Counter, m.Label = &values[i], &m.counter, labels[i]
			out[i] = &m.Metric
		}
	case dto.MetricType_GAUGE:
		all := make([]struct {
			dto.Metric
			gauge dto.Gauge
		}, len(values))
		for i := range all {
			m := &all[i]
			m.gauge.Value, m.Gauge, m.Label = &values[i], &m.gauge, labels[i]
			out[i] = &m.Metric
		}
	default:
		all := make([]struct {
			dto.Metric
			untyped dto.Untyped
		}, len(values))
		for i := range all {
			m := &all[i]
			m.untyped.Value, m.Untyped, m.Label = &values[i], &m.untyped, labels[i]
			out[i] = &m.Metric
		}
	}
	return out
}

// sortedPairs returns labels as a page of ours has them.
func sortedPairs(labels []Label) []*dto.LabelPair {
	out := pairs(labels, "")
	slices.SortFunc(out, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetName(), b.GetName()) })
	return out
}

// pairs returns labels without the one that numbers the parts, and without
// empty ones, which are none.
func pairs(labels []Label, without string) []*dto.LabelPair {
	if len(labels) == 0 {
		return nil
	}
	made, out := make([]dto.LabelPair, len(labels)), make([]*dto.LabelPair, 0, len(labels))
	for i := range labels {
		l, p := &labels[i], &made[i]
		if l.Name == without || l.Value == "" {
			continue
		}
		p.Name, p.Value = &l.Name, &l.Value
		out = append(out, p)
	}
	return out
}

// grouped puts the parts of histograms or summaries together again.
func grouped(f *Family, part string) []*dto.Metric {
	byLabels := map[string]*dto.Metric{}
	var order []*dto.Metric
	for _, sample := range f.Samples {
		labels := pairs(sample.Labels, part)
		slices.SortFunc(labels, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetName(), b.GetName()) })
		var key strings.Builder
		for _, l := range labels {
			key.WriteString(l.GetName() + "\xff" + l.GetValue() + "\xff")
		}
		m := byLabels[key.String()]
		if m == nil {
			m = &dto.Metric{Label: labels}
			if part == "le" {
				m.Histogram = &dto.Histogram{}
			} else {
				m.Summary = &dto.Summary{}
			}
			byLabels[key.String()] = m
			order = append(order, m)
		}
		fill(m, f.Name, part, sample)
	}
	return order
}

// fill puts one line into its histogram or summary.
func fill(m *dto.Metric, family, part string, sample Sample) {
	bound := math.NaN()
	for _, l := range sample.Labels {
		if l.Name == part {
			if b, err := strconv.ParseFloat(l.Value, 64); err == nil {
				bound = b
			}
		}
	}
	count := uint64(0)
	if sample.Value > 0 { // NaN is not
		count = uint64(min(sample.Value, 1<<53))
	}
	switch suffix := strings.TrimPrefix(sample.Name, family); {
	case suffix == "_sum" && m.Histogram != nil:
		m.Histogram.SampleSum = &sample.Value
	case suffix == "_sum":
		m.Summary.SampleSum = &sample.Value
	case suffix == "_count" && m.Histogram != nil:
		m.Histogram.SampleCount = &count
	case suffix == "_count":
		m.Summary.SampleCount = &count
	case math.IsNaN(bound):
	case m.Histogram != nil:
		m.Histogram.Bucket = append(m.Histogram.Bucket, &dto.Bucket{UpperBound: &bound, CumulativeCount: &count})
	default:
		m.Summary.Quantile = append(m.Summary.Quantile, &dto.Quantile{Quantile: &bound, Value: &sample.Value})
	}
}
