package frame

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
)

// everything sends each type, with labels whose order is not that of a page.
type everything struct{}

var everyFamily = []*Family{
	{Name: "every_gauge", Help: "A gauge.", Labels: []string{"zone", "age"}},
	{Name: "every_total", Help: "A counter.", Type: Counter, Labels: []string{"c", "a", "b"}},
	{Name: "every_untyped", Help: "Untyped.", Type: Untyped},
	{Name: "every_empty", Help: "Sends nothing."},
	{Name: "every_seconds", Help: "A histogram.", Type: Histogram, Labels: []string{"part"}},
	{Name: "app_*", Help: "Passed on."},
}

func (everything) Name() string        { return "everything" }
func (everything) Families() []*Family { return everyFamily }
func (everything) Collect(_ context.Context, s *Sink) error {
	s.Send(everyFamily[0], 1, "z1", "a1")
	s.Send(everyFamily[0], 2, "z2", "a0")
	s.Send(everyFamily[1], 3, "c", "a", "b")
	s.Send(everyFamily[1], 4, "", "é", "b")
	s.Send(everyFamily[2], -5)
	s.SendHistogram(everyFamily[4], 3, 1.5, []float64{1}, []uint64{2}, "p")
	s.Pass(histogram("app_seconds", "who", "app"))
	return nil
}

func TestRun_ownClockHasThePageOfAScrape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := func(every time.Duration) map[string]*dto.MetricFamily {
			target := NewTarget(Spec{Job: "test", Collectors: []Entry{{Collector: everything{}, Every: every}}}, slog.New(slog.DiscardHandler))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go target.Run(ctx)
			time.Sleep(time.Minute) // of the bubble's clock
			found := map[string]*dto.MetricFamily{}
			for range 2 { // it is still there for the second who asks
				for _, mf := range target.Gather(ctx) {
					found[mf.GetName()] = mf
				}
			}
			for _, f := range Families() {
				delete(found, f.Name) // how long it took is not the same
			}
			return found
		}
		scraped, kept := page(0), page(time.Minute)
		if len(scraped) != 5 || len(kept) != len(scraped) {
			t.Errorf("%d families at a scrape, %d kept, want 5", len(scraped), len(kept))
		}
		for name, want := range scraped {
			if !proto.Equal(kept[name], want) {
				t.Errorf("%s is kept as %v, want %v", name, kept[name], want)
			}
		}
	})
}
