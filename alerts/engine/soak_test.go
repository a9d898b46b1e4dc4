//go:build soak

package engine

import (
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
)

// TestSoak_aDayCompressed feeds a day of a hub's own page, 1,500 series every
// 5 s, into the real storage as fast as it takes it, with its compactions of
// the head every two hours and some queries a minute: memory must be flat, and
// the disk of a day is stated.
func TestSoak_aDayCompressed(t *testing.T) {
	const series, step, hours = 1500, 5 * time.Second, 30
	dir := t.TempDir()
	db, _, err := openStorage(dir, Config{Retention: defaultRetention}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.DisableCompactions() // by hand, at the moments that the day would have
	queries := promql.NewEngine(promql.EngineOpts{MaxSamples: querySamples, Timeout: queryTimeout, LookbackDelta: lookback, Parser: parser.NewParser(parser.Options{})})

	refs := make([]storage.SeriesRef, series)
	sets := make([]labels.Labels, series)
	values := make([]float64, series)
	for i := range sets {
		sets[i] = labels.FromStrings("__name__", fmt.Sprintf("soak_%d", i%200), "job", "node", "instance", "here", "part", fmt.Sprint(i))
	}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same day each time
	begin := time.Now().Add(-hours * time.Hour).Truncate(2 * time.Hour)
	var peaks [2]uint64 // of the first and the second half, the warm-up of six hours left out
	for hour := range hours {
		for at := begin.Add(time.Duration(hour) * time.Hour); at.Before(begin.Add(time.Duration(hour+1) * time.Hour)); at = at.Add(step) {
			app := db.Appender(t.Context())
			for i := range sets {
				switch {
				case i%2 == 0: // a counter that moves
					values[i] += float64(random.IntN(1000))
				case i%4 == 1: // a gauge that moves
					values[i] = 1e6 * random.Float64()
				} // the rest stands still, as most do
				if refs[i], err = app.Append(refs[i], sets[i], at.UnixMilli(), values[i]); err != nil {
					t.Fatal(err)
				}
			}
			if err := app.Commit(); err != nil {
				t.Fatal(err)
			}
			if at.Unix()%60 < 5 {
				q, err := queries.NewInstantQuery(t.Context(), db, nil, `sum by (job) (rate(soak_0[5m])) > 0`, at)
				if err != nil {
					t.Fatal(err)
				}
				if res := q.Exec(t.Context()); res.Err != nil {
					t.Fatal(res.Err)
				}
				q.Close()
			}
		}
		if err := db.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if half := (hour - 6) * 2 / (hours - 6); hour >= 6 {
			peaks[half] = max(peaks[half], m.HeapInuse)
		}
		t.Logf("hour %2d: heap %5.1f MiB, disk %6.1f MiB, %d blocks", hour+1, float64(m.HeapInuse)/(1<<20), float64(sizeOf(t, dir))/(1<<20), len(db.Blocks()))
	}
	t.Logf("a day of %d series each %s: %.0f MiB on disk", series, step, float64(sizeOf(t, dir))/(1<<20)*24/hours)
	if float64(peaks[1]) > 1.15*float64(peaks[0]) {
		t.Errorf("heap grows: peak %d in the first half, %d in the second", peaks[0], peaks[1])
	}
}

func sizeOf(t *testing.T, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
