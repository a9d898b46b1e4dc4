package frame

import (
	"context"
	"log/slog"
	"testing"

	dto "github.com/prometheus/client_model/go"
)

// passer declares a pattern and passes on what it is given.
type passer struct{ families []*dto.MetricFamily }

func (p *passer) Name() string        { return "passer" }
func (p *passer) Families() []*Family { return []*Family{{Name: "app_*", Help: "Passed on."}} }
func (p *passer) Collect(_ context.Context, s *Sink) error {
	for _, f := range p.families {
		s.Pass(f)
	}
	return nil
}

func histogram(name string, labels ...string) *dto.MetricFamily {
	typ, count, sum, bound := dto.MetricType_HISTOGRAM, uint64(3), 1.5, 0.5
	m := &dto.Metric{Histogram: &dto.Histogram{SampleCount: &count, SampleSum: &sum, Bucket: []*dto.Bucket{{CumulativeCount: &count, UpperBound: &bound}}}}
	for i := 0; i+1 < len(labels); i += 2 {
		m.Label = append(m.Label, &dto.LabelPair{Name: &labels[i], Value: &labels[i+1]})
	}
	return &dto.MetricFamily{Name: &name, Type: &typ, Metric: []*dto.Metric{m}}
}

func TestPass_aHistogramReachesThePage(t *testing.T) {
	target := NewTarget(Spec{Job: "test", Collectors: []Entry{{Collector: &passer{[]*dto.MetricFamily{histogram("app_seconds", "b", "1", "a", "2")}}}}}, slog.New(slog.DiscardHandler))
	for _, mf := range target.Gather(t.Context()) {
		if mf.GetName() == "app_seconds" {
			if mf.Metric[0].GetHistogram().GetSampleCount() != 3 || mf.Metric[0].Label[0].GetName() != "a" {
				t.Errorf("not the histogram that was passed on, with its labels in order: %v", mf)
			}
			return
		}
	}
	t.Error("the histogram is not on the page")
}

func TestPass_whatWouldBreakThePageIsDroppedAndTold(t *testing.T) {
	twice := histogram("app_seconds", "a", "1")
	twice.Metric = append(twice.Metric, histogram("app_seconds", "a", "1").Metric...)
	for name, families := range map[string][]*dto.MetricFamily{
		"undeclared":        {histogram("other_seconds")},
		"the same twice":    {twice},
		"two families":      {histogram("app_seconds"), histogram("app_seconds")},
		"a label twice":     {histogram("app_seconds", "a", "1", "a", "2")},
		"a label not UTF-8": {histogram("app_seconds", "a", "\xff")},
	} {
		target := NewTarget(Spec{Job: "test", Collectors: []Entry{{Collector: &passer{families}}, {Collector: good("other")}}}, slog.New(slog.DiscardHandler))
		page := gather(t, target, defaultTimeout)
		if page["tocsin_collector_failure_info{passer,invalid}"] != 1 || page["test_value{other}"] != 1 {
			t.Errorf("%s: %v", name, page)
		}
	}
}
