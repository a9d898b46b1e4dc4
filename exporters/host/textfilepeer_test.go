//go:build linux

package host

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Files of scripts, seen by node_exporter: every series of theirs is on our
// page too, with the same value.
func TestTextfile_equalsNodeExporter(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"backup.prom": "# HELP backup_size_bytes Size.\n# TYPE backup_size_bytes gauge\nbackup_size_bytes{what=\"db\"} 12\nbackup_size_bytes{what=\"files\"} 3e9\n",
		"odd.prom":    "# a comment\nuntyped_number NaN\n# TYPE done_total counter\ndone_total{a=\"x\\\"\\\\\\ny\"} +Inf\n",
		"wait.prom":   "# TYPE wait_seconds histogram\nwait_seconds_bucket{le=\"1\"} 2\nwait_seconds_bucket{le=\"+Inf\"} 3\nwait_seconds_sum 4\nwait_seconds_count 3\n# TYPE s summary\ns{quantile=\"0.5\"} 2\ns_sum 3\ns_count 4\n",
		"bad.prom":    "half a line",
		"timed.prom":  "timed 1 1395066363000\n",
		"notes.txt":   "not read",
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Unix(1767225600, 0), time.Unix(1767225600, 0)); err != nil {
			t.Fatal(err)
		}
	}
	cfg := Config{Collectors: Selection{Only: []string{"textfile"}}, Textfiles: []string{dir}}
	cfg.SetDefaults()
	all := plain(New(cfg, discard()))
	ours := run(t, all[0], 10*time.Second).samples
	_, url := startNodeExporter(t, all, "--collector.textfile.directory="+dir)
	page, err := fetch(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	theirs := map[string]float64{}
	for name, mf := range page {
		for _, m := range mf.GetMetric() {
			if notOurs[name] == "" {
				theirs[series(name, m)] = value(m)
			}
		}
	}
	for name := range ours { // how each file stands is ours alone
		if _, there := theirs[name]; !there && name[:7] == "tocsin_" {
			delete(ours, name)
		}
	}
	if diff := cmp.Diff(theirs, ours, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("(-theirs +ours):\n%s", diff)
	}
	if len(theirs) != 10 {
		t.Errorf("they have %d series: %v", len(theirs), theirs)
	}
}
