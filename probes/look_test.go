package probes

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"

	"tocsin/internal/frame"
)

// page is a target's page, by series as the text format writes them.
type page map[string]float64

// look runs an entry of the site file once and returns what was found and the
// page that it makes.
func look(t testing.TB, cfg Config, opts Options) (Result, page) {
	t.Helper()
	if cfg.Timeout == 0 {
		cfg.Timeout = model.Duration(5 * time.Second)
	}
	c, err := New(cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	return lookWith(t, c)
}

// lookInVain looks at what cannot be measured, and returns what is said of it.
func lookInVain(t testing.TB, cfg Config) string {
	t.Helper()
	c, err := New(cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	target := frame.NewTarget(frame.Spec{Job: "probe", Collectors: []frame.Entry{{Collector: c}}}, slog.New(slog.DiscardHandler))
	families := target.Gather(t.Context())
	pageOf(families).lacks(t, "probe_success")
	s := target.States()[0]
	if r, ok := c.Last(); ok || !strings.Contains(s.Error, "not measured") {
		t.Errorf("it was measured: %q, %s", s.Error, r.Explain())
	}
	return s.Error
}

func lookWith(t testing.TB, c *Collector) (Result, page) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	target := frame.NewTarget(frame.Spec{Job: "probe", Collectors: []frame.Entry{{Collector: c}}}, slog.New(slog.DiscardHandler))
	families := target.Gather(ctx)
	if s := target.States()[0]; s.Reason != "" {
		t.Fatalf("the collector failed: %s: %s", s.Reason, s.Error)
	}
	r, ok := c.Last()
	if !ok {
		t.Fatal("no look was kept")
	}
	return r, pageOf(families)
}

func pageOf(families []*dto.MetricFamily) page {
	p := page{}
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "tocsin_") {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			series := f.GetName()
			if labels != nil {
				series += "{" + strings.Join(labels, ",") + "}"
			}
			p[series] = m.GetGauge().GetValue()
		}
	}
	return p
}

// wantFault fails the test unless one fault is told, and says so; with an empty
// text none must be.
func wantFault(t testing.TB, r *Result, says string) {
	t.Helper()
	switch {
	case says == "" && len(r.Faults) == 0:
	case says != "" && len(r.Faults) == 1 && strings.Contains(r.Faults[0], says):
	default:
		t.Errorf("the faults are %q, want %q", r.Faults, says)
	}
}

// wants fails the test unless a series is there with a value.
func (p page) wants(t testing.TB, series string, value float64) {
	t.Helper()
	switch got, ok := p[series]; {
	case !ok:
		t.Errorf("the page lacks %s; it has %s", series, strings.Join(p.sorted(), ", "))
	case got != value:
		t.Errorf("%s is %v, want %v", series, got, value)
	}
}

// lacks fails the test if a metric is there.
func (p page) lacks(t testing.TB, name string) {
	t.Helper()
	for series := range p {
		if series == name || strings.HasPrefix(series, name+"{") {
			t.Errorf("the page has %s %v, and must not", series, p[series])
		}
	}
}

func (p page) sorted() []string {
	var all []string
	for series, v := range p {
		all = append(all, fmt.Sprintf("%s %v", series, v))
	}
	slices.Sort(all)
	return all
}

// wantReason checks that result and page agree on why and where a look failed.
func wantReason(t testing.TB, r Result, p page, reason Reason, phase string) {
	t.Helper()
	if r.Reason != reason || string(r.Phase) != phase {
		t.Errorf("reason %q in phase %q, want %q in %q; the error is: %v", r.Reason, r.Phase, reason, phase, r.Err)
	}
	if reason == "" {
		p.wants(t, "probe_success", 1)
		p.lacks(t, "probe_failure_info")
		p.lacks(t, "probe_failure_phase_info")
		return
	}
	p.wants(t, "probe_success", 0)
	p.wants(t, fmt.Sprintf("probe_failure_info{reason=%q}", reason), 1)
	p.wants(t, fmt.Sprintf("probe_failure_phase_info{phase=%q}", phase), 1)
	if r.Explain() == "" || r.Err == nil || r.Err.Error() == "" {
		t.Error("the failure has no words")
	}
	for series := range p {
		if strings.HasPrefix(series, "probe_failure_info{") && series != fmt.Sprintf("probe_failure_info{reason=%q}", reason) {
			t.Errorf("a second reason: %s", series)
		}
	}
}

// ctx is short for the signature of a fake look-up.
type ctx = context.Context

type metricFamily = dto.MetricFamily

// localhost finds every name on this machine.
func localhost(_ ctx, _ string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

// A wrongEntry is a list of probes, and all that is wrong with it.
type wrongEntry struct{ text, want string }

func wantsWrong(t *testing.T, entries []wrongEntry) {
	t.Helper()
	for _, e := range entries {
		if _, wrong := read(t, e.text); strings.Join(wrong, "\n") != e.want {
			t.Errorf("%s\ngot  %s\nwant %s", e.text, strings.Join(wrong, "\n"), e.want)
		}
	}
}

func wantsRight(t *testing.T, text string) {
	t.Helper()
	if _, wrong := read(t, text); wrong != nil {
		t.Errorf("%s\n%s", text, strings.Join(wrong, "\n"))
	}
}
