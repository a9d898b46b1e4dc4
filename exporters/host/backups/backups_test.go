package backups

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/problem"
	"tocsin/internal/testenv"
)

var update = flag.Bool("update", false, "rewrite golden files")

// noon is when the tests look.
var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// put writes a file that was last changed so long before noon.
func put(t testing.TB, path, content string, age time.Duration) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	touch(t, path, noon.Add(-age))
}

func touch(t testing.TB, path string, at time.Time) {
	t.Helper()
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

// ready fills in defaults and proves the list, as the site file's would be.
func ready(t testing.TB, list List) List {
	t.Helper()
	list.SetDefaults()
	p := problem.New()
	list.Validate(p)
	for _, found := range p.All() {
		t.Errorf("%s: %s", found.Path, found.Text)
	}
	return list
}

func hours(n int) model.Duration { return model.Duration(time.Duration(n) * time.Hour) }

// page looks once at noon and returns what is sent, and the error.
func page(t testing.TB, list List) (string, error) {
	t.Helper()
	return collect(t, New(ready(t, list), Options{Location: time.UTC, Now: func() time.Time { return noon }}).Collector)
}

func collect(t testing.TB, c frame.Collector) (string, error) {
	t.Helper()
	var err error
	seen := recorder{c, &err}
	target := frame.NewTarget(frame.Spec{Job: "node", Collectors: []frame.Entry{{Collector: seen}}}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var out bytes.Buffer
	for _, mf := range target.Gather(ctx) {
		if !strings.HasPrefix(mf.GetName(), "tocsin_collector_") {
			if _, err := expfmt.MetricFamilyToText(&out, mf); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s := target.States()[0]; s.Reason == frame.ReasonInvalid || s.Reason == frame.ReasonPanic {
		t.Errorf("%s: %s", s.Reason, s.Error)
	}
	var lines []string
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimPrefix(line, "tocsin_backup_"))
		}
	}
	return strings.Join(lines, ""), err
}

// recorder keeps a collector's error.
type recorder struct {
	frame.Collector
	err *error
}

func (r recorder) Collect(ctx context.Context, s *frame.Sink) error {
	*r.err = r.Collector.Collect(ctx, s)
	return *r.err
}

// has wants each of these lines on the page; one that begins with ! must not
// begin any line.
func has(t *testing.T, page string, lines ...string) {
	t.Helper()
	for _, want := range lines {
		if unwanted, no := strings.CutPrefix(want, "!"); no {
			if strings.Contains("\n"+page, "\n"+unwanted) {
				t.Errorf("the page has %s:\n%s", unwanted, page)
			}
		} else if !strings.Contains("\n"+page, "\n"+want+"\n") {
			t.Errorf("the page lacks %s:\n%s", want, page)
		}
	}
}

// site is a site with everything: dumps with copies, a repository, a stamp.
func site(t testing.TB) List {
	t.Helper()
	dir := t.TempDir()
	for n := range 10 {
		put(t, filepath.Join(dir, "pg", noon.AddDate(0, 0, -n).Format("2006-01-02")+".dump"), strings.Repeat("x", 1000+n), time.Duration(n)*day+10*time.Hour)
	}
	put(t, filepath.Join(dir, "nas", "new.dump"), strings.Repeat("x", 1000), 12*time.Hour)
	put(t, filepath.Join(dir, "stamps", "far"), noon.Add(-20*time.Hour).Format(time.RFC3339), 0)
	put(t, filepath.Join(dir, "stamps", "restored"), "", 30*day)
	put(t, filepath.Join(dir, "base", "f1"), "full", 3*day)
	put(t, filepath.Join(dir, "base", "i1"), "incremental", 10*time.Hour)
	return List{
		{
			Name: "dumps", Source: Source{Files: Paths{dir + "/pg/*.dump"}}, MaxAge: hours(26), DeleteAfter: hours(24 * 20),
			Copies: []Copy{{Source: Source{Place: "nas", Files: Paths{dir + "/nas/*.dump"}}}, {Source: Source{Place: "far", OffSite: true, Stamp: dir + "/stamps/far"}}},
			Covers: []string{"postgres/main"}, RestoreTested: RestoreTest{Stamp: dir + "/stamps/restored"},
		},
		{Name: "base", Source: Source{Place: "san", Full: Paths{dir + "/base/f*"}, Incremental: Paths{dir + "/base/i*"}}, MaxAge: hours(8 * 24), IncrementalMaxAge: hours(26)},
	}
}

func TestPage(t *testing.T) {
	list := site(t)
	list[0].Keep.Daily, list[0].Keep.Weekly = 7, 4
	o := Options{Location: time.UTC, Now: func() time.Time { return noon }, Covered: map[string]bool{"postgres/db1:main": true, "host/app1": false}}
	got, err := collect(t, New(ready(t, list), o).Collector)
	if err != nil {
		t.Error(err)
	}
	golden := filepath.Join("testdata", "page.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

func TestCollector_keepsTheContract(t *testing.T) {
	collectortest.Run(t, func(t testing.TB) frame.Collector {
		return New(ready(t, site(t)), Options{Location: time.UTC, Covered: map[string]bool{"host/a": true}}).Collector
	})
}

// slow is a place on a file server that is gone.
type slow struct{ back chan struct{} }

func (s slow) look(context.Context, time.Time) (finding, error) {
	<-s.back
	return finding{series: untold([]int64{noon.Unix()}, noon)}, nil
}

// broken is a place that nobody has foreseen.
type broken struct{}

func (broken) look(context.Context, time.Time) (finding, error) { panic("what is this") }

func TestCollector_aPlaceThatHangsCostsItselfAlone(t *testing.T) {
	c := New(ready(t, site(t)), Options{Location: time.UTC, Now: func() time.Time { return noon }}).Collector.(*collector)
	gone := slow{make(chan struct{})}
	c.watched[0].places[1].source = gone
	c.watched[1].places[0].source = broken{}
	for range 2 { // the second time it hangs still
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		var failed error
		sink := frame.NewSink(Families())
		failed = c.Collect(ctx, sink)
		cancel()
		if frame.ReasonOf(failed) != frame.ReasonStalled || !strings.Contains(failed.Error(), "backup dumps at nas") || !strings.Contains(failed.Error(), "see whether the disk or server behind it answers") || !strings.Contains(failed.Error(), "backup base at san: "+c.watched[1].places[0].what+": panic: what is this") {
			t.Errorf("%s: %v", frame.ReasonOf(failed), failed)
		}
	}
	close(gone.back)
	testenv.Eventually(t, 10*time.Second, "its look comes back", func(context.Context) error {
		if c.watched[0].places[1].busy.Load() {
			return errors.New("it is busy")
		}
		return nil
	})
	got, err := collect(t, c)
	if err == nil {
		t.Error("the broken place went unnoticed")
	}
	has(t, got, `readable{backup="dumps",place="nas"} 1`, `readable{backup="base",place="san"} 0`, `failure_info{backup="base",place="san",reason="error"} 1`, `copies{backup="dumps"} 3`)
}
