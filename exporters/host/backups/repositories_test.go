package backups

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/testenv"
)

// tool runs the real restic or borg, with a cache of its own.
type tool struct {
	t    *testing.T
	path string
	env  []string
}

func newTool(t *testing.T, name, debianPackage string) tool {
	t.Helper()
	return tool{t, testenv.Program(t, name, debianPackage), append(os.Environ(),
		"HOME="+t.TempDir(), "RESTIC_PASSWORD=marker-hunter2", "BORG_PASSPHRASE=marker-hunter2",
		"BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes", "BORG_RELOCATED_REPO_ACCESS_IS_OK=yes")}
}

func (r tool) run(args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), r.path, args...)
	cmd.Env = r.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("%s %s: %v\n%s", filepath.Base(r.path), strings.Join(args, " "), err, out)
	}
	return string(out)
}

// age makes all that has been written to a folder since the last call so old.
// Nothing needs to be waited for then.
type ager struct {
	t    *testing.T
	seen map[string]time.Time
}

func (a *ager) written(dir string, at time.Time) {
	a.t.Helper()
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.ModTime().Equal(a.seen[path]) {
			return err
		}
		a.seen[path] = at
		return os.Chtimes(path, at, at)
	})
	if err != nil {
		a.t.Fatal(err)
	}
}

// someData makes a folder with a file of random data.
func someData(t *testing.T, name string, bytes int64) string {
	t.Helper()
	dir := t.TempDir()
	moreData(t, dir, name, bytes)
	return dir
}

func moreData(t *testing.T, dir, name string, bytes int64) {
	t.Helper()
	random, err := os.Open("/dev/urandom")
	if err != nil {
		t.Fatal(err)
	}
	defer random.Close()
	content := make([]byte, bytes)
	if _, err := random.Read(content); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestRestic_real(t *testing.T) {
	t.Parallel()
	restic := newTool(t, "restic", "restic")
	data, repo := someData(t, "a", 100_000), t.TempDir()
	a := &ager{t, map[string]time.Time{}}
	restic.run("init", "-q", "-r", repo)
	a.written(repo, noon.Add(-40*day))
	list := List{{Name: "r", Source: Source{Restic: repo}, MaxAge: hours(26)}}
	list[0].Keep.Daily = 3

	got, err := page(t, list)
	if err != nil {
		t.Error(err)
	}
	has(t, got, `failure_info{backup="r",place="local",reason="none"} 1`, `existing{backup="r",level="any",place="local"} 0`, `rungs{backup="r",place="local",rung="daily",state="missing"} 3`, `!newest`)

	for _, age := range []time.Duration{2*day + time.Hour, day + time.Hour, time.Hour} {
		moreData(t, data, fmt.Sprint(age), 10_000)
		restic.run("backup", "-q", "-r", repo, data)
		a.written(repo, noon.Add(-age))
	}
	// What only reads, and what forgets, makes nothing fresh.
	restic.run("check", "-q", "-r", repo)
	restic.run("snapshots", "-q", "-r", repo)
	a.written(repo, noon)
	got, err = page(t, list)
	if err != nil {
		t.Error(err)
	}
	hourAgo := fmt.Sprint(float64(noon.Add(-time.Hour).Unix()))
	has(t, got, `newest_timestamp_seconds{backup="r",level="any",place="local"} `+hourAgo, `existing{backup="r",level="any",place="local"} 3`,
		`rungs{backup="r",place="local",rung="daily",state="held"} 3`, `valid{backup="r",level="any",place="local"} 1`, `!lock_`)
	if !strings.Contains(got, "repository_size_bytes{backup=\"r\",place=\"local\"} 1") { // 130 kB and a little
		t.Errorf("the size of the repository: %s", got)
	}
	restic.run("forget", "-q", "-r", repo, "--keep-last", "2", "--prune")
	a.written(repo, noon)
	got, _ = page(t, list)
	has(t, got, `newest_timestamp_seconds{backup="r",level="any",place="local"} `+hourAgo, `existing{backup="r",level="any",place="local"} 2`, `rungs{backup="r",place="local",rung="daily",state="missing"} 1`)

	// A restic that was killed leaves its lock.
	put(t, filepath.Join(repo, "locks", strings.Repeat("a", 64)), "lock", 30*time.Hour)
	got, _ = page(t, list)
	has(t, got, `lock_timestamp_seconds{backup="r",place="local"} `+fmt.Sprint(float64(noon.Add(-30*time.Hour).Unix())))
}

// What scripts do, and what is known after each command.
func TestBorg_real(t *testing.T) {
	t.Parallel()
	tool := newTool(t, "borg", "borgbackup")
	data, repo := someData(t, "a", 100_000), filepath.Join(t.TempDir(), "repo")
	a := &ager{t, map[string]time.Time{}}
	tool.run("init", "-e", "repokey-blake2", repo)
	b := &borg{path: repo}
	now := noon.Add(-10 * day)
	// newest wants the newest archive to be so old, by this look and, where it
	// is not another, by that of a Tocsin that has just been started.
	newest := func(what string, want time.Time, fresh ...time.Time) {
		t.Helper()
		a.written(repo, now)
		for i, at := range []time.Time{want, append(fresh, want)[0]} {
			looks := b
			if i == 1 {
				looks = &borg{path: repo}
			}
			found, err := looks.look(t.Context(), noon)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if got := newestOf(found.series); !got.Equal(at) {
				t.Errorf("%s, first look %t: the newest is of %s, want %s", what, i == 1, got, at)
			}
		}
		now = now.Add(time.Hour)
	}
	newest("init", time.Time{})
	create := func(archive string) time.Time {
		t.Helper()
		at := now
		tool.run("create", repo+"::"+archive, data)
		newest("create "+archive, at)
		return at
	}
	create("a1")
	moreData(t, data, "b", 50_000)
	create("a2")
	third := create("a3-nothing-new")
	tool.run("list", repo)
	tool.run("check", repo)
	newest("list and check", third)
	tool.run("delete", repo+"::a1")
	newest("delete", third)
	tool.run("prune", "--keep-last", "1", repo)
	newest("prune", third)
	tool.run("prune", "--keep-last", "1", repo)
	newest("prune without anything to prune", third)
	moreData(t, data, "c", 300_000)
	fourth := create("a4")

	// Then create fails, and the script prunes and compacts all the same. Who
	// has looked before knows; who has not takes the objects that were moved for
	// new ones.
	tool.run("prune", "--keep-last", "1", repo)
	newest("prune after create", fourth)
	compacted := now
	tool.run("compact", "--threshold", "0", repo)
	newest("compact", fourth, compacted)
	create("a5")
	tool.run("delete", repo+"::a4", "a5")
	newest("no archive any more", time.Time{})
}

// A repository that is not encrypted, and the lock of a command that runs.
func TestBorg_lockedWhileItRuns(t *testing.T) {
	t.Parallel()
	tool := newTool(t, "borg", "borgbackup")
	repo := filepath.Join(t.TempDir(), "repo")
	tool.run("init", "-e", "none", repo)
	tool.run("create", repo+"::a", someData(t, "a", 1000))
	(&ager{t, map[string]time.Time{}}).written(repo, noon.Add(-time.Hour))
	list := List{{Name: "b", Source: Source{Borg: repo}, MaxAge: hours(26)}}
	got, err := page(t, list)
	if err != nil {
		t.Error(err)
	}
	has(t, got, `newest_timestamp_seconds{backup="b",level="any",place="local"} `+fmt.Sprint(float64(noon.Add(-time.Hour).Unix())), `valid{backup="b",level="any",place="local"} 1`, `!lock_`, `!existing`)
	ready, stop := filepath.Join(t.TempDir(), "ready"), filepath.Join(t.TempDir(), "stop")
	if out, err := exec.CommandContext(t.Context(), "mkfifo", ready, stop).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command(tool.path, "with-lock", repo, "sh", "-c", "echo > "+ready+"; read x < "+stop)
	cmd.Env = tool.env
	p := testenv.StartCmd(t, cmd)
	if _, err := os.ReadFile(ready); err != nil {
		t.Fatal(err)
	}
	got, err = page(t, list)
	if err != nil || !strings.Contains(got, `lock_timestamp_seconds{backup="b",place="local"} `) {
		t.Errorf("%v\n%s", err, got)
	}
	if err := os.WriteFile(stop, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
}

// A create that is killed after it has written some of its data makes nothing
// fresh, and leaves its lock.
func TestBorg_killed(t *testing.T) {
	t.Parallel()
	tool := newTool(t, "borg", "borgbackup")
	repo := filepath.Join(t.TempDir(), "repo")
	tool.run("init", "-e", "none", repo)
	tool.run("create", repo+"::whole", someData(t, "a", 1000))
	made := noon.Add(-time.Hour)
	(&ager{t, map[string]time.Time{}}).written(repo, made)
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(tool.path, "create", repo+"::half", "-")
	cmd.Env, cmd.Stdin = tool.env, in
	p := testenv.StartCmd(t, cmd)
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	content := make([]byte, 20<<20)
	for i := range content {
		content[i] = byte(rand.Uint32()) //nolint:gosec // anything that does not compress
	}
	if _, err := out.Write(content); err != nil { // it waits for more then
		t.Fatal(err)
	}
	testenv.Eventually(t, 30*time.Second, "some of it is in the repository", func(ctx context.Context) error {
		var m measured
		if n := m.of(ctx, "now", repo); n < 2<<20 {
			return fmt.Errorf("%d bytes", n)
		}
		return nil
	})
	p.Kill()
	found, err := (&borg{path: repo}).look(t.Context(), noon)
	if err != nil {
		t.Fatal(err)
	}
	if at := newestOf(found.series); !at.Equal(made) || found.locked.IsZero() {
		t.Errorf("the newest is of %s, want %s; locked since %s", at, made, found.locked)
	}
}

func TestRepositories_thatAreNone(t *testing.T) {
	dir := t.TempDir()
	index := func(header string, buckets ...string) string {
		return "BORG_IDX\x01\x00\x00\x00" + header + strings.Join(buckets, "")
	}
	full := strings.Repeat("k", 32) + "\x07\x00\x00\x00\x08\x00\x00\x00"
	for name, content := range map[string]string{
		"short": "BORG", "magic": strings.Repeat("x", 58), "wide": index("\x01\x00\x00\x00\x20\x10", full),
		"cut": index("\x02\x00\x00\x00\x20\x08", full), "huge": index("\xff\xff\xff\x7f\x20\x08", full), "lost": index("\x01\x00\x00\x00\x20\x08", full),
	} {
		put(t, filepath.Join(dir, name, "index.3"), content, day)
		put(t, filepath.Join(dir, name, "config"), "[repository]\nsegments_per_dir = 5\n", day)
	}
	for _, c := range []struct {
		source Source
		reason reason
		text   string
	}{
		{Source{Restic: dir + "/gone"}, reasonMissing, "mount it, or correct the path"},
		{Source{Restic: dir}, reasonForm, "write the folder that restic init made"},
		{Source{Borg: dir + "/gone"}, reasonMissing, "mount it, or correct the path"},
		{Source{Borg: dir}, reasonForm, "write the folder that borg init made"},
		{Source{Borg: dir + "/short"}, reasonForm, "does not begin as an index"},
		{Source{Borg: dir + "/magic"}, reasonForm, "does not begin as an index"},
		{Source{Borg: dir + "/wide"}, reasonForm, "values of 16"},
		{Source{Borg: dir + "/huge"}, reasonForm, "2147483647 buckets is not known"},
		{Source{Borg: dir + "/cut"}, reasonForm, "ends after 1 of 2 buckets"},
		{Source{Borg: dir + "/lost"}, reasonMissing, "data/1/7"},
		{Source{Snapshots: dir}, reasonMissing, "write the mount point of a ZFS file system"},
		{Source{Stamp: dir + "/gone/stamp"}, reasonMissing, "gone"},
		{Source{Stamp: dir}, reasonForm, "no ordinary file"},
	} {
		_, err := newPlace(c.source, time.UTC).look(t.Context(), noon)
		if err == nil || err.reason != c.reason || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%+v: %v, want %s with %q", c.source, err, c.reason, c.text)
		}
	}
	put(t, filepath.Join(dir, "lost", "data", "1", "7"), "", 5*day)
	found, err := (&borg{path: dir + "/lost"}).look(t.Context(), noon)
	if at := newestOf(found.series); err != nil || !at.Equal(noon.Add(-5*day)) {
		t.Errorf("%s, %v", at, err)
	}
}

// An index with a million objects, as of some 2 TB: read once a transaction.
func BenchmarkBorg_index(b *testing.B) {
	const objects = 1_000_000
	index := make([]byte, indexHeader, indexHeader+objects*bucketSize)
	copy(index, indexMagic)
	index[12], index[13], index[14], index[15] = objects&0xff, objects>>8&0xff, objects>>16, 0
	index[16], index[17] = keySize, bucketSize-keySize
	for i := range objects {
		bucket := slices.Concat(fmt.Appendf(nil, "%08x%024d", i*2654435761%objects, i), []byte{byte(i), byte(i >> 8), 0, 0, 0, 0, 0, 0})
		index = append(index, bucket...)
	}
	b.ReportAllocs()
	for b.Loop() {
		looks := &borg{}
		for range 2 {
			_, keys, err := looks.objects(b.Context(), strings.NewReader(string(index)))
			if err != nil || len(keys) != objects {
				b.Fatal(len(keys), err)
			}
			looks.known = keys
		}
	}
}
