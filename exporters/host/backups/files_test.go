package backups

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/size"
	"tocsin/internal/testenv"
)

func dumps(dir, pattern string) List {
	return List{{Name: "d", Source: Source{Files: Paths{dir + pattern}}, MaxAge: hours(26)}}
}

func TestFiles_whatCounts(t *testing.T) {
	dir := t.TempDir()
	put(t, dir+"/a/one.dump", "one", 3*day)
	put(t, dir+"/a/b/two.dump", "three", 2*day)
	put(t, dir+"/a/b/.three.dump", "hidden", time.Hour)
	put(t, dir+"/a/b/four.dump.part", "half", time.Hour)
	put(t, dir+"/a/b/five.dump.TMP", "half", time.Hour)
	put(t, dir+"/a/.snap/six.dump", "hidden", time.Hour)
	put(t, dir+"/a/empty.dump", "", 30*day)
	if err := os.Symlink("two.dump", dir+"/a/b/latest.dump"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(dir+"/a/pipe.dump", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir+"/a/folder.dump", 0o700); err != nil {
		t.Fatal(err)
	}
	for pattern, want := range map[string][]string{
		"/a/*.dump":           {`existing{backup="d",level="any",place="local"} 1`, `size_bytes{backup="d",level="any",place="local"} 3`},
		"/a/**/*.dump":        {`existing{backup="d",level="any",place="local"} 2`, `size_bytes{backup="d",level="any",place="local"} 5`},
		"/a/**/*.dump*":       {`existing{backup="d",level="any",place="local"} 2`},
		"/*/b/*":              {`existing{backup="d",level="any",place="local"} 1`},
		"/a/b/.*.dump":        {`existing{backup="d",level="any",place="local"} 1`, `size_bytes{backup="d",level="any",place="local"} 6`},
		"/a/b/latest.dump":    {`existing{backup="d",level="any",place="local"} 1`, `size_bytes{backup="d",level="any",place="local"} 5`},
		"/a/b/[tx]wo.dum?":    {`existing{backup="d",level="any",place="local"} 1`},
		"/a/*.sql":            {`existing{backup="d",level="any",place="local"} 0`, `valid{backup="d",level="any",place="local"} 0`, `failure_info{backup="d",place="local",reason="none"} 1`, `!newest`, `!size`},
		"/a/nothing.dump":     {`failure_info{backup="d",place="local",reason="none"} 1`},
		"/a/one.dump/x.dump":  {`readable{backup="d",place="local"} 1`, `existing{backup="d",level="any",place="local"} 0`},
		"/gone/*.dump":        {`readable{backup="d",place="local"} 0`, `failure_info{backup="d",place="local",reason="missing"} 1`, `!newest`, `!valid`, `!existing`, `copies{backup="d"} 0`},
		"/gone/deep/one.dump": {`readable{backup="d",place="local"} 0`},
	} {
		got, _ := page(t, dumps(dir, pattern))
		t.Run(pattern, func(t *testing.T) { has(t, got, want...) })
	}
}

func TestFiles_theNewest(t *testing.T) {
	dir := t.TempDir()
	for n := range 5 {
		put(t, fmt.Sprintf("%s/%d.dump", dir, n), strings.Repeat("x", 1000), time.Duration(n+1)*day)
	}
	list := dumps(dir, "/*.dump")
	list[0].MinSize = size.Bytes(100)
	at := func(age time.Duration) string { return fmt.Sprint(float64(noon.Add(-age).Unix())) }
	newest := func(age time.Duration) string {
		return `newest_timestamp_seconds{backup="d",level="any",place="local"} ` + at(age)
	}
	valid, invalid := `valid{backup="d",level="any",place="local"} 1`, `valid{backup="d",level="any",place="local"} 0`
	for _, c := range []struct {
		name, file, content string
		age                 time.Duration
		want                []string
	}{
		{"as the others", "5.dump", strings.Repeat("x", 900), time.Hour, []string{valid, newest(time.Hour), `median_size_bytes{backup="d",level="any",place="local"} 1000`, `copies{backup="d"} 1`}},
		{"much smaller", "5.dump", strings.Repeat("x", 200), time.Hour, []string{valid, `size_bytes{backup="d",level="any",place="local"} 200`, `median_size_bytes{backup="d",level="any",place="local"} 1000`}},
		{"fresh, but empty: as old as the one before", "5.dump", "", time.Hour, []string{invalid, newest(day), `failure_info{backup="d",place="local",reason="empty"} 1`, `copies{backup="d"} 0`}},
		{"too small", "5.dump", "x", time.Hour, []string{invalid, newest(day), `failure_info{backup="d",place="local",reason="small"} 1`}},
		{"cut off", "5.dump", "--\n-- PostgreSQL database dump\n--\n" + strings.Repeat("x", 900), time.Hour, []string{invalid, newest(time.Hour), `failure_info{backup="d",place="local",reason="truncated"} 1`, `copies{backup="d"} 0`}},
		{"not what it says", "5.dump.gz", strings.Repeat("x", 900), time.Hour, []string{invalid, `failure_info{backup="d",place="local",reason="foreign"} 1`}},
		{"of next week", "5.dump", strings.Repeat("x", 900), -7 * day, []string{invalid, newest(day), `failure_info{backup="d",place="local",reason="future"} 1`}},
		{"of a clock that is a little ahead, and still being written", "5.dump", strings.Repeat("x", 900), -time.Minute, []string{valid, newest(day)}},
		{"still being written", "5.dump", strings.Repeat("x", 500), time.Minute, []string{valid, newest(day), `size_bytes{backup="d",level="any",place="local"} 1000`}},
		{"its end is still being written", "5.dump", "--\n-- PostgreSQL database dump\n--\n", time.Minute, []string{valid, newest(day)}},
	} {
		put(t, filepath.Join(dir, c.file), c.content, c.age)
		with := List{list[0]}
		with[0].Files = Paths{dir + "/*.dump", dir + "/*.gz"}
		got, err := page(t, with)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		t.Run(c.name, func(t *testing.T) { has(t, got, c.want...) })
		if err := os.Remove(filepath.Join(dir, c.file)); err != nil {
			t.Fatal(err)
		}
	}
}

// A single file that is written over each night is no backup while that lasts,
// and no reason to ring.
func TestFiles_writtenOver(t *testing.T) {
	dir := t.TempDir()
	put(t, dir+"/a.dump", "half", time.Minute)
	now := noon
	c := New(ready(t, dumps(dir, "/a.dump")), Options{Location: time.UTC, Now: func() time.Time { return now }}).Collector
	got, err := collect(t, c)
	has(t, got, `readable{backup="d",place="local"} 1`, `copies{backup="d"} 0`, `!valid`, `!newest`, `!failure_info`)
	if err != nil {
		t.Error(err)
	}
	now = now.Add(Interval)
	got, _ = collect(t, c)
	has(t, got, `valid{backup="d",level="any",place="local"} 1`, `copies{backup="d"} 1`)
}

// A file that has just come counts once two looks saw it the same.
func TestFiles_settleOverTwoLooks(t *testing.T) {
	dir := t.TempDir()
	put(t, dir+"/old.dump", "old", 2*day)
	put(t, dir+"/new.dump", "ne", time.Minute)
	now := noon
	c := New(ready(t, dumps(dir, "/*.dump")), Options{Location: time.UTC, Now: func() time.Time { return now }}).Collector
	look := func(want string) {
		t.Helper()
		got, err := collect(t, c)
		if err != nil {
			t.Error(err)
		}
		has(t, got, `size_bytes{backup="d",level="any",place="local"} `+want)
		now = now.Add(Interval)
	}
	look("3")
	put(t, dir+"/new.dump", "new and", -2*time.Minute) // it has grown
	look("3")
	put(t, dir+"/new.dump", "new and whole", -7*time.Minute)
	look("3")
	look("13")
	look("13")
}

// What is read of a file is read once, as long as it stays the same.
func TestFiles_areReadOnce(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/a.sql"
	put(t, path, "--\n-- PostgreSQL database dump\n--\n", day)
	f := newFiles(Source{Files: Paths{path}})
	for range 2 {
		found, err := f.look(t.Context(), noon)
		if err != nil || found.series[0].newest.flaw != flawTruncated {
			t.Fatalf("%+v, %v", found, err)
		}
	}
	if v := f.known[path]; v.flaw != flawTruncated {
		t.Errorf("known: %+v", f.known)
	}
	// Even if its content changes behind size and time, as it never does.
	put(t, path, "--\n-- PostgreSQL dtabasee dump\n--\n", day)
	if found, _ := f.look(t.Context(), noon); found.series[0].newest.flaw != flawTruncated {
		t.Error("it was read again")
	}
}

func TestFiles_fullAndIncremental(t *testing.T) {
	dir := t.TempDir()
	list := List{{Name: "b", Source: Source{Full: Paths{dir + "/F*"}, Incremental: Paths{dir + "/I*"}}, MaxAge: hours(8 * 24), IncrementalMaxAge: hours(26)}}
	stamp := func(age time.Duration) string { return fmt.Sprint(float64(noon.Add(-age).Unix())) }
	put(t, dir+"/F1", "full", 2*time.Hour)
	got, err := page(t, list)
	if err != nil {
		t.Error(err)
	}
	// The first full one saves all that an incremental one would.
	has(t, got, `newest_timestamp_seconds{backup="b",level="full",place="local"} `+stamp(2*time.Hour), `newest_timestamp_seconds{backup="b",level="incremental",place="local"} `+stamp(2*time.Hour),
		`valid{backup="b",level="incremental",place="local"} 1`, `max_age_seconds{backup="b",level="incremental",place="local"} 93600`, `copies{backup="b"} 1`, `!failure_info`)
	touch(t, dir+"/F1", noon.Add(-9*day))
	put(t, dir+"/I1", "incremental", 2*time.Hour)
	got, _ = page(t, list)
	has(t, got, `newest_timestamp_seconds{backup="b",level="full",place="local"} `+stamp(9*day), `newest_timestamp_seconds{backup="b",level="incremental",place="local"} `+stamp(2*time.Hour), `copies{backup="b"} 0`)
}

func TestFiles_whatCannotBeRead(t *testing.T) {
	if os.Geteuid() == 0 && os.Getenv("TOCSIN_TEST_WEAK") == "" {
		again(t) // root may read everything
		return
	}
	dir := t.TempDir()
	put(t, dir+"/a/one.dump", "one", day)
	put(t, dir+"/b/one.dump", "one", day)
	if err := os.Chmod(dir+"/a", 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir+"/b/one.dump", 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir+"/a", 0o700) }) //nolint:gosec // so that the folder can be removed
	got, err := page(t, dumps(dir, "/b/*.dump"))        // its age is known all the same
	has(t, got, `readable{backup="d",place="local"} 0`, `failure_info{backup="d",place="local",reason="permission"} 1`, `existing{backup="d",level="any",place="local"} 1`,
		`newest_timestamp_seconds{backup="d",level="any",place="local"} `+fmt.Sprint(float64(noon.Add(-day).Unix())), `copies{backup="d"} 0`, `!valid`)
	if err == nil || !strings.Contains(err.Error(), "or write look_inside: false") {
		t.Error(err)
	}
	unread := dumps(dir, "/b/*.dump")
	unread[0].LookInside = new(bool)
	got, err = page(t, unread)
	has(t, got, `readable{backup="d",place="local"} 1`, `valid{backup="d",level="any",place="local"} 1`, `copies{backup="d"} 1`)
	if err != nil {
		t.Error(err)
	}
	for _, folder := range []string{"/a/*.dump", "/**/*.dump"} {
		got, err := page(t, dumps(dir, folder))
		has(t, got, `readable{backup="d",place="local"} 0`, `failure_info{backup="d",place="local",reason="permission"} 1`, `!newest`, `!valid`)
		if err == nil || frame.ReasonOf(err) != frame.ReasonPermission || !strings.Contains(err.Error(), "permission denied; let the user that runs tocsin read it") {
			t.Errorf("%s: %v", folder, err)
		}
	}
}

// again runs this test in a process that lacks root's power over files.
func again(t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), testenv.Program(t, "setpriv", "util-linux"),
		"--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "TOCSIN_TEST_WEAK=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestWalk_isBounded(t *testing.T) {
	dir := t.TempDir()
	for n := range 30 {
		put(t, fmt.Sprintf("%s/%d", dir, n), "x", day)
	}
	w := newWalker(t.Context(), func(string, os.FileInfo) {})
	w.left = 20
	if err := w.match(dir + "/*"); explained(err).reason != reasonTooMany {
		t.Errorf("got %v", err)
	}
	deep := dir + strings.Repeat("/d", maxDepth+5)
	put(t, deep+"/x.dump", "x", day)
	put(t, dir+"/d/y.dump", "x", day)
	seen := 0
	if err := newWalker(t.Context(), func(string, os.FileInfo) { seen++ }).match(dir + "/**/*.dump"); err != nil || seen != 1 {
		t.Errorf("%d files, %v", seen, err)
	}
	odd := dir + `/a [b] *c \d`
	put(t, odd+"/x", "x", day)
	seen = 0
	if err := newWalker(t.Context(), func(string, os.FileInfo) { seen++ }).match(escaped(odd) + "/*"); err != nil || seen != 1 {
		t.Errorf("%s: %d files, %v", odd, seen, err)
	}
}

// A folder with 100,000 files is looked at in well under a second, and what is
// held of them stays small.
func BenchmarkFiles_100000(b *testing.B) {
	dir := b.TempDir()
	for n := range 100_000 {
		path := fmt.Sprintf("%s/%06d.dump", dir, n)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			b.Fatal(err)
		}
		touch(b, path, noon.Add(-time.Duration(n+20)*time.Minute))
	}
	f := newFiles(Source{Files: Paths{dir + "/*.dump"}})
	b.ReportAllocs()
	for b.Loop() {
		found, err := f.look(b.Context(), noon)
		if err != nil || len(found.series[0].times) != 100_000 {
			b.Fatalf("%d, %v", len(found.series[0].times), err)
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapSys)/1e6, "MB-heap")
}
