package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestPort_differsAndIsFree(t *testing.T) {
	seen := map[int]bool{}
	for range 200 {
		port := Port(t)
		if port >= 32768 || port < 1024 {
			t.Fatalf("port %d is out of range", port)
		}
		if seen[port] {
			t.Fatalf("port %d was given twice", port)
		}
		seen[port] = true
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
	}
}

func TestPort_isNotFreeWhileTaken(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if free(listener.Addr().(*net.TCPAddr).Port) {
		t.Error("a port that is listened on was called free")
	}
}

func TestProcess_stopEndsItAndItsChildren(t *testing.T) {
	sh := Program(t, "sh", "dash")
	p := Start(t, sh, "-c", "sleep 1000 & echo child $!; wait")
	Eventually(t, 10*time.Second, "the child's id", func(context.Context) error {
		if !strings.Contains(p.Output(), "\n") {
			return errors.New("not printed yet")
		}
		return nil
	})
	child, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(p.Output(), "child ")))
	if err != nil {
		t.Fatal(err)
	}
	p.Stop()
	Eventually(t, 10*time.Second, "the child ends", func(context.Context) error { return gone(child) })
	p.Stop() // nothing happens
}

func gone(pid int) error {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return nil
	}
	if err == nil && strings.Contains(string(stat), ") Z ") {
		return nil // dead, and nobody has asked for its exit code
	}
	return fmt.Errorf("process %d lives: %s %w", pid, stat, err)
}

func TestProcess_stopKillsWhatIgnoresIt(t *testing.T) {
	p := Start(t, Program(t, "sh", "dash"), "-c", "trap '' TERM; echo ready; while :; do sleep 1; done")
	Eventually(t, 10*time.Second, "it is ready", func(context.Context) error {
		if !strings.Contains(p.Output(), "ready") {
			return errors.New("not yet")
		}
		return nil
	})
	p.grace = 50 * time.Millisecond
	p.Stop()
	if code := p.ExitCode(); code != -1 {
		t.Errorf("exit code %d, want -1 (killed)", code)
	}
}

func TestProcess_tellsItsExitCodeAndOutput(t *testing.T) {
	p := Start(t, Program(t, "sh", "dash"), "-c", "echo out; echo err >&2; exit 3")
	if code := p.ExitCode(); code != 3 {
		t.Errorf("exit code %d, want 3", code)
	}
	if got := p.Output(); !strings.Contains(got, "out\n") || !strings.Contains(got, "err\n") {
		t.Errorf("output %q lacks what was printed", got)
	}
	if err := p.Signal(syscall.SIGHUP); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("signal to what has ended: %v, want ESRCH", err)
	}
}

func TestOutput_keepsTheEnd(t *testing.T) {
	var o output
	for i := range 3000 {
		fmt.Fprintf(&o, "%08d%s\n", i, strings.Repeat(".", 1000))
	}
	got := o.String()
	if len(got) != maxOutput || !strings.Contains(got[len(got)-1010:], "00002999") {
		t.Errorf("kept %d bytes ending in %.20q", len(got), got[len(got)-1010:])
	}
}

// recorder is a testing.TB that notes how it was ended.
type recorder struct {
	testing.TB
	failed, skipped string
}

type ended struct{}

func (r *recorder) Helper()      {}
func (r *recorder) Name() string { return "TestOther" }
func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	panic(ended{})
}

func (r *recorder) Skipf(format string, args ...any) {
	r.skipped = fmt.Sprintf(format, args...)
	panic(ended{})
}

func (r *recorder) Skip(args ...any) {
	r.skipped = fmt.Sprint(args...)
	panic(ended{})
}

func (r *recorder) run(f func(testing.TB)) {
	defer func() {
		if v := recover(); v != nil && v != (ended{}) {
			panic(v)
		}
	}()
	f(r)
}

func TestProgram_missingIsRecorded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "skipped")
	t.Setenv(SkippedVar, file)
	t.Setenv(ExpectAllVar, "")
	r := &recorder{TB: t}
	r.run(func(tb testing.TB) { Program(tb, "no-such-program", "some-package") })
	r.run(func(tb testing.TB) { Skip(tb, "no Mattermost\nwas given") })
	if r.skipped == "" || r.failed != "" {
		t.Errorf("skipped %q, failed %q; want a skip", r.skipped, r.failed)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := "TestOther\tno-such-program\tthe program is not installed\tsome-package\n" +
		"TestOther\t-\tno Mattermost was given\t-\n"
	if string(got) != want {
		t.Errorf("recorded %q, want %q", got, want)
	}
}

func TestProgram_missingFailsWhereAllIsExpected(t *testing.T) {
	t.Setenv(ExpectAllVar, "1")
	r := &recorder{TB: t}
	r.run(func(tb testing.TB) { Program(tb, "no-such-program", "some-package") })
	if !strings.Contains(r.failed, "apt-get install some-package") || r.skipped != "" {
		t.Errorf("failed %q, skipped %q; want a failure that names the package", r.failed, r.skipped)
	}
}

func TestEventually_givesUp(t *testing.T) {
	r := &recorder{TB: t}
	r.run(func(tb testing.TB) {
		Eventually(tb, 60*time.Millisecond, "the moon", func(context.Context) error { return errors.New("not yet") })
	})
	if !strings.Contains(r.failed, "the moon: not within 60ms: not yet") {
		t.Errorf("failed with %q", r.failed)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestNginx_serves(t *testing.T) {
	port := Port(t)
	p := Nginx(t, fmt.Sprintf(`server { listen 127.0.0.1:%d; location / { return 200 "hello\n"; } }`, port))
	url := fmt.Sprintf("http://127.0.0.1:%d/", port)
	WaitHTTP(t, url)
	if got := get(t, url); got != "hello\n" {
		t.Errorf("nginx answered %q", got)
	}
	p.Kill()
	if connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
		connection.Close()
		t.Error("nginx still listens after Kill")
	}
}

func TestPrometheus_answersQueries(t *testing.T) {
	url := Prometheus(t, "global: {scrape_interval: 1s}\n")
	if got := get(t, url+"/api/v1/query?query=vector(42)"); !strings.Contains(got, `"42"`) {
		t.Errorf("Prometheus answered %s", got)
	}
}

func TestPrometheus_badConfigurationFailsAtOnce(t *testing.T) {
	Program(t, "prometheus", "prometheus")
	dir := t.TempDir()
	r := &recorder{TB: t}
	r.run(func(tb testing.TB) {
		p := Start(tb, Program(tb, "prometheus", "prometheus"), "--config.file="+dir+"/missing.yml")
		p.waitHTTP(tb, "http://127.0.0.1:1/")
	})
	if !strings.Contains(r.failed, "missing.yml") {
		t.Errorf("failed with %q, want what Prometheus printed", r.failed)
	}
}

func TestAlertmanager_isReady(t *testing.T) {
	url := Alertmanager(t, "route: {receiver: none}\nreceivers: [{name: none}]\n")
	if got := get(t, url+"/api/v2/alerts"); strings.TrimSpace(got) != "[]" {
		t.Errorf("Alertmanager answered %s", got)
	}
}

// Nothing of a broker is left when its test has ended, the name server of
// Erlang among it.
func TestRabbitMQ_answersAndEnds(t *testing.T) {
	var names, dir string
	t.Run("runs", func(t *testing.T) {
		b := RabbitMQ(t, "")
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.Management+"/api/overview", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth("guest", "guest")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil || !strings.Contains(string(body), `"rabbitmq_version"`) {
			t.Errorf("%s answers %s, %v", b.Management, body, err)
		}
		if got := get(t, b.Prometheus+"/metrics"); !strings.Contains(got, "rabbitmq_build_info") {
			t.Errorf("its metrics are %.200s", got)
		}
		for _, v := range b.cmd.Env {
			names = strings.TrimPrefix(v, "ERL_EPMD_PORT=")
			if names != v {
				break
			}
		}
		dir = b.cmd.Dir
	})
	if c, err := net.Dial("tcp", "127.0.0.1:"+names); err == nil {
		c.Close()
		t.Error("the name server of Erlang still listens")
	}
	Eventually(t, 10*time.Second, "all its processes end", func(context.Context) error { return runsIn(dir) })
}

// runsIn finds a process that works in a folder.
func runsIn(dir string) error {
	all, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		return err
	}
	for _, link := range all {
		if at, err := os.Readlink(link); err == nil && strings.HasPrefix(at, dir) {
			return fmt.Errorf("%s is in %s", link, at)
		}
	}
	return nil
}

func TestPostgres_answers(t *testing.T) {
	c := Postgres(t)
	if _, err := os.Stat(filepath.Join(c.Dir, ".s.PGSQL.5432")); err != nil {
		t.Error(err)
	}
}
