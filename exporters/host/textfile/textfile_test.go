package textfile

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
)

// folder writes files and returns their folder.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// nobody sends anything else on the page but node_cpu_seconds_total.
func taken(metric string) bool { return metric == "node_cpu_seconds_total" }

// gather runs the collector as a target does, and returns its values by name
// and label values, its words, and how it stands.
func gather(t testing.TB, c *Collector) (values map[string]float64, words string, state frame.State) {
	t.Helper()
	target := frame.NewTarget(frame.Spec{Job: "node", Collectors: []frame.Entry{{Collector: c}}}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	values = map[string]float64{}
	for _, mf := range target.Gather(ctx) {
		if strings.HasPrefix(mf.GetName(), "tocsin_collector_") {
			continue
		}
		for _, m := range mf.Metric {
			values[series(mf, m)] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + m.GetUntyped().GetValue() +
				float64(m.GetHistogram().GetSampleCount()) + float64(m.GetSummary().GetSampleCount())
		}
	}
	return values, c.Explain(), target.States()[0]
}

func series(mf *dto.MetricFamily, m *dto.Metric) string {
	var parts []string
	for _, l := range m.Label {
		parts = append(parts, filepath.Base(l.GetValue()))
	}
	return mf.GetName() + "{" + strings.Join(parts, ",") + "}"
}

const goodText = `# HELP backup_size_bytes Size of the newest backup.
# TYPE backup_size_bytes gauge
backup_size_bytes{what="db"} 12
backup_size_bytes{what="files"} 3e9
raid_ok 1
# TYPE wait_seconds histogram
wait_seconds_bucket{le="1"} 2
wait_seconds_bucket{le="+Inf"} 3
wait_seconds_sum 4
wait_seconds_count 3
`

func TestCollect_oneBadFileIsLeftOutAndTold(t *testing.T) {
	for name, tc := range map[string]struct{ text, words string }{
		"no number":            {"a 1\nb two\n", "bad.prom: line 2: expected float as value, got \"two\""},
		"cut short":            {"a{x=\"", "bad.prom: line 1: label value \"\" contains unescaped new-line"},
		"binary":               {"\x00\xff\xfe", "bad.prom: line 1: invalid metric name"},
		"not UTF-8":            {"a{x=\"\xff\"} 1\n", "bad.prom: line 1: invalid label value \"\\xff\""},
		"a series twice":       {"b 1\na{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 2\n", "bad.prom: line 2: a has the same series twice"},
		"two help texts":       {"# HELP a One.\n# HELP a Two.\na 1\n", "bad.prom: line 2: second HELP line for metric name \"a\""},
		"a type after samples": {"a 1\n# TYPE a counter\n", "bad.prom: line 2: second TYPE line for metric name \"a\", or TYPE reported after samples"},
		"another type":         {"x 1\n# TYPE backup_size_bytes counter\nbackup_size_bytes{what=\"x\"} 1\n", "bad.prom: line 2: backup_size_bytes is of another type than in "},
		"another help text":    {"# HELP backup_size_bytes Of it.\n# TYPE backup_size_bytes gauge\nbackup_size_bytes{what=\"x\"} 1\n", "bad.prom: line 1: backup_size_bytes has another help text than in "},
		"a series of another":  {"\n\nraid_ok 0\n", "bad.prom: line 3: a series of raid_ok stands in "},
		"the scraper's label":  {"a{job=\"x\"} 1\n", "bad.prom: line 1: a has the label job, which the scraper puts on"},
		"a timestamp":          {"a 1\nb 2 1395066363000\n", "bad.prom: line 2: b has a timestamp; leave it out"},
		"too many labels":      {"a 1\nb{" + strings.Repeat("x=\"\",", 300) + "} 1\n", "bad.prom: line 2: it has more than 256 labels"},
		"too long":             {strings.Repeat("# long\n", maxBytes/7+1), "bad.prom: is longer than 4 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, map[string]string{"aaa.prom": goodText, "bad.prom": tc.text, "zzz.prom": "last 1\n"})
			values, words, state := gather(t, New("/", []string{dir}, taken))
			if state.Reason != "" {
				t.Errorf("the collector failed: %s: %s", state.Reason, state.Error)
			}
			if !strings.Contains(words, tc.words) {
				t.Errorf("it says %q, want %q", words, tc.words)
			}
			for series, v := range values {
				if strings.HasPrefix(series, "node_textfile_mtime_seconds") {
					if age := time.Since(time.Unix(int64(v), 0)); age < -2*time.Second || age > time.Minute {
						t.Errorf("%s is %v", series, v)
					}
					values[series] = 1
				}
			}
			want := map[string]float64{
				"backup_size_bytes{db}": 12, "backup_size_bytes{files}": 3e9, "raid_ok{}": 1, "wait_seconds{}": 3, "last{}": 1,
				"node_textfile_mtime_seconds{aaa.prom}": 1, "node_textfile_mtime_seconds{zzz.prom}": 1, "node_textfile_scrape_error{}": 1,
				"tocsin_host_textfile_success{aaa.prom}": 1, "tocsin_host_textfile_success{bad.prom}": 0, "tocsin_host_textfile_success{zzz.prom}": 1,
			}
			if diff := cmp.Diff(want, values); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCollect_whatIsNoFile(t *testing.T) {
	dir := folder(t, map[string]string{"good.prom": "a 1\r\n# HELP b With\r\nb 2\r\n", "empty.prom": "\n\n", "other.txt": "nonsense"})
	if err := os.Mkdir(filepath.Join(dir, "folder.prom"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.prom"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "dangling.prom")); err != nil {
		t.Fatal(err)
	}
	elsewhere := folder(t, map[string]string{"x": "linked 5\n"})
	if err := os.Symlink(filepath.Join(elsewhere, "x"), filepath.Join(dir, "link.prom")); err != nil {
		t.Fatal(err)
	}
	values, words, state := gather(t, New("/", []string{dir, "/no/such/folder"}, taken))
	if state.Reason != "" {
		t.Errorf("the collector failed: %s", state.Error)
	}
	want := []string{
		"/no/such/folder: no such file or directory", dir + "/dangling.prom: no such file or directory",
		dir + "/folder.prom: is no file", dir + "/pipe.prom: is no file",
	}
	if diff := cmp.Diff(want, strings.Split(words, "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for series, v := range map[string]float64{"a{}": 1, "b{}": 2, "linked{}": 5, "tocsin_host_textfile_success{empty.prom}": 1, "node_textfile_scrape_error{}": 1} {
		if values[series] != v {
			t.Errorf("%s is %v, want %v", series, values[series], v)
		}
	}
}

func TestCollect_whatOthersMeasureIsLeftOutQuietly(t *testing.T) {
	dir := folder(t, map[string]string{"cpu.prom": "# TYPE node_cpu_seconds_total counter\nnode_cpu_seconds_total{cpu=\"0\"} 1\ntocsin_build_info 1\nmine 1\n"})
	values, words, _ := gather(t, New("/", []string{dir}, taken))
	if words != "" || values["node_textfile_scrape_error{}"] != 0 || values["tocsin_host_textfile_families_left_out{cpu.prom}"] != 2 || values["mine{}"] != 1 {
		t.Errorf("%q %v", words, values)
	}
	if _, there := values["node_cpu_seconds_total{0}"]; there {
		t.Error("a file speaks for the CPUs")
	}
}

func TestCollect_followsChanges(t *testing.T) {
	dir := folder(t, map[string]string{"a.prom": "a 1\n", "b.prom": "b 1\n"})
	c := New("/", []string{filepath.Dir(dir) + "/*"}, taken)
	gather(t, c)
	if err := os.WriteFile(filepath.Join(dir, "a.prom"), []byte("a 22\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "b.prom")); err != nil {
		t.Fatal(err)
	}
	values, words, _ := gather(t, c)
	if _, gone := values["b{}"]; gone || values["a{}"] != 22 || words != "" {
		t.Errorf("%v %q", values, words)
	}
	if again, _, _ := gather(t, c); !cmp.Equal(values, again) {
		t.Errorf("unchanged files are another page: %v", again)
	}
}

// A hundred megabytes cost an error, not memory.
func TestCollect_aHugeFileCostsNoMemory(t *testing.T) {
	dir := folder(t, nil)
	path := filepath.Join(dir, "huge.prom")
	if err := os.WriteFile(path, []byte("a 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 100<<20); err != nil {
		t.Fatal(err)
	}
	c := New("/", []string{dir}, taken)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, words, _ := gather(t, c)
	runtime.ReadMemStats(&after)
	if !strings.Contains(words, "longer than 4 MiB") {
		t.Errorf("it says %q", words)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 32<<20 {
		t.Errorf("%d MiB were allocated", used>>20)
	}
}

// Debian's folder is read where no other is named, and need not be there.
func TestCollect_debiansFolderNeedNotBeThere(t *testing.T) {
	root := t.TempDir()
	values, words, _ := gather(t, New(root, nil, taken))
	if words != "" || values["node_textfile_scrape_error{}"] != 0 || len(values) != 1 {
		t.Errorf("%q %v", words, values)
	}
	dir := filepath.Join(root, Debian)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.prom"), []byte("a 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if values, _, _ := gather(t, New(root, nil, taken)); values["a{}"] != 1 {
		t.Errorf("%v", values)
	}
}

func TestConformance(t *testing.T) {
	dir := folder(t, map[string]string{"good.prom": "mine_count 1\n# TYPE x_total counter\n# HELP x_total X.\nx_total 1\n"})
	collectortest.Run(t, func(testing.TB) frame.Collector { return New("/", []string{dir}, taken) })
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{goodText, "a 1\n", "a{b=\"c\"} +Inf\n", "# TYPE a summary\na{quantile=\"0.5\"} 1\n", "\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		one := &file{path: "x.prom", lines: map[string]int{}}
		if err := one.parse(content); err != nil {
			if !strings.HasPrefix(err.Error(), "line ") && len(err.Error()) > 200 {
				t.Errorf("%v", err)
			}
			return
		}
		p := &pass{families: map[string]*origin{}, bad: map[string]error{}}
		if err := p.fits(one); err != nil {
			t.Errorf("a good file does not fit alone: %v", err)
		}
		for _, mf := range one.families {
			if one.lines[mf.GetName()] == 0 && len(mf.Metric) > 0 {
				t.Errorf("%s stands on no line of %q", mf.GetName(), content)
			}
		}
	})
}

func BenchmarkCollect(b *testing.B) {
	files := map[string]string{}
	for i := range 20 {
		name := string(rune('a' + i))
		files[name+".prom"] = strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(goodText, "backup", name), "raid", name), "wait", name)
	}
	c := New("/", []string{folder(b, files)}, taken)
	families := c.Families()
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Collect(b.Context(), frame.NewSink(families)); err != nil {
			b.Fatal(err)
		}
	}
}
