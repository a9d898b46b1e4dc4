package logs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/problem"
	"tocsin/internal/testenv"
)

// A real rsyslog forwards, loses its target, and queues.
func TestLogs_realRsyslog(t *testing.T) {
	program, logger := testenv.Program(t, "rsyslogd", "rsyslog"), testenv.Program(t, "logger", "bsdutils")
	root := testenv.ShortDir(t)
	for _, folder := range []string{"etc/rsyslog.d", "log"} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	port := testenv.Port(t) // nobody listens there
	write(t, root, map[string]string{
		"etc/rsyslog.conf": fmt.Sprintf(`global(workDirectory="%[1]s")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" socket="%[1]s/s")
module(load="impstats" interval="1" format="json" log.syslog="off" log.file="%[1]s/log/stats")
$IncludeConfig %[1]s/etc/rsyslog.d/*.conf
*.* %[1]s/log/all
`, root),
		"etc/rsyslog.d/hub.conf": fmt.Sprintf("action(name=\"hub\" type=\"omfwd\" target=\"127.0.0.1\" port=\"%d\" protocol=\"tcp\" action.resumeRetryCount=\"-1\" action.resumeInterval=\"1\" queue.type=\"LinkedList\" queue.size=\"200\")\n", port),
	})
	testenv.Start(t, program, "-n", "-f", filepath.Join(root, "etc/rsyslog.conf"), "-i", filepath.Join(root, "pid"))
	testenv.Eventually(t, 20*time.Second, "rsyslog takes messages", func(ctx context.Context) error {
		return exec.CommandContext(ctx, logger, "--socket-errors=on", "-u", filepath.Join(root, "s"), "hello").Run()
	})
	// Its paths are the test's own, the collector's below its root.
	settings, err := readRsyslog(root)
	if err != nil || settings.stats != filepath.Join(root, "log/stats") {
		t.Fatalf("%+v, %v", settings, err)
	}
	link(t, root)
	c := New(root, true, Sources{{Name: "here", Files: "/log/a*", Longest: model.Duration(time.Hour)}}, time.Now)
	testenv.Eventually(t, 20*time.Second, "a message that waits", func(context.Context) error {
		r := collectortest.Once(t, c)
		want := map[string]float64{
			fmt.Sprintf("tocsin_host_log_forwarding_info{rsyslog|tcp|127.0.0.1:%d}", port): 1,
			"tocsin_host_log_forwarding_targets":                                           1, "tocsin_host_log_forwarding_required": 1,
			"rsyslog_queue_discarded_full{hub queue}": 0, "rsyslog_queue_full{main Q}": 0,
			"tocsin_host_log_source_longest_silence_seconds{here}": 3600,
		}
		for series, v := range want {
			if got, ok := r.Samples[series]; !ok || got != v {
				return fmt.Errorf("%s is %v: %s %v", series, got, r.Err, r.Samples)
			}
		}
		if r.Reason != "" || r.Samples["rsyslog_queue_size{hub queue}"] < 1 || r.Samples["rsyslog_action_processed{hub}"] < 1 ||
			time.Since(time.Unix(int64(r.Samples["tocsin_host_log_source_last_timestamp_seconds{here}"]), 0)) > time.Minute {
			return fmt.Errorf("%s %v", r.Err, r.Samples)
		}
		return nil
	})
	// Where it can be reached, the queue is emptied.
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() { // until the listener is closed
		for {
			if _, err := listener.Accept(); err != nil {
				return
			}
		}
	}()
	testenv.Eventually(t, 60*time.Second, "an empty queue", func(context.Context) error {
		if r := collectortest.Once(t, c); r.Samples["rsyslog_queue_size{hub queue}"] != 0 {
			return errors.New("it is not empty")
		}
		return nil
	})
}

// link makes the absolute paths of the settings be found below the root.
func link(t *testing.T, root string) {
	t.Helper()
	path := filepath.Join(root, root)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(root, path); err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, root string, files map[string]string) string {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestReadRsyslog(t *testing.T) {
	root := write(t, t.TempDir(), map[string]string{
		"etc/rsyslog.conf": `# *.* @@commented.example
$IncludeConfig /etc/rsyslog.d/*.conf
include(file="/etc/more/*.conf" mode="optional")
module(load="impstats" interval="60" format="json" # said elsewhere
       log.file="/var/log/stats")
*.*  @@(z9)[2001:db8::1]:10514;RSYSLOG_SyslogProtocol23Format
:msg, contains, "a # b" @udp.example
& :omrelp:relp.example:2514
auth.* ~
local0.* -/var/log/me@home
`,
		"etc/rsyslog.d/a.conf": `if $msg contains "(" then {
  action(type="omfwd"
         Target="hub.example" Port="6514" Protocol="tcp"
         StreamDriver="gtls" template="a)b")
  action(type="omfwd" target="hub.example" port="6514" protocol="tcp")
  action(type="omfile" file="/x")
}
$IncludeConfig /etc/rsyslog.d/*.conf
action(type="omelasticsearch" server="es.example")
action(type="omkafka" topic="x")
action(type="omfwd" target="u.example`,
		"etc/more/b.conf": "*.* @legacy.example\r\n*.* @last.example:1514",
	})
	got, err := readRsyslog(root)
	want := forwarding{found: true, stats: "/var/log/stats", targets: []target{
		{"rsyslog", "http", "es.example"},
		{"rsyslog", "kafka", "not known"},
		{"rsyslog", "relp", "relp.example:2514"},
		{"rsyslog", "tcp", "[2001:db8::1]:10514"},
		{"rsyslog", "tcp", "hub.example:6514"},
		{"rsyslog", "udp", "last.example:1514"},
		{"rsyslog", "udp", "legacy.example:514"},
		{"rsyslog", "udp", "udp.example:514"},
	}}
	slices.SortFunc(got.targets, func(a, b target) int { return strings.Compare(a.protocol+a.address, b.protocol+b.address) })
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(forwarding{}, target{})); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestLogs_journal(t *testing.T) {
	root := write(t, t.TempDir(), map[string]string{
		"run/systemd/journal/socket":          "",
		"etc/systemd/journald.conf":           "[Other]\nForwardToSocket=x\n[Journal]\n#ForwardToSocket=y\n",
		"etc/systemd/journald.conf.d/10.conf": "[Journal]\nForwardToSocket = 192.0.2.1:514\n",
		"etc/systemd/journal-upload.conf":     "[Upload]\nURL=https://user:hunter2@logs.example:19532/x\n",
	})
	r := collectortest.Once(t, New(root, false, nil, time.Now))
	want := map[string]float64{"tocsin_host_log_forwarding_targets": 1, "tocsin_host_log_forwarding_required": 0, "tocsin_host_log_forwarding_info{journald|socket|192.0.2.1:514}": 1}
	if diff := cmp.Diff(want, r.Samples); diff != "" || r.Reason != "" {
		t.Errorf("%s\n%s", r.Err, diff)
	}
	write(t, root, map[string]string{"etc/systemd/system/multi-user.target.wants/systemd-journal-upload.service": ""})
	r = collectortest.Once(t, New(root, false, nil, time.Now))
	if r.Samples["tocsin_host_log_forwarding_info{upload|https|logs.example:19532}"] != 1 || r.Samples["tocsin_host_log_forwarding_targets"] != 2 {
		t.Error(r.Samples)
	}
}

func TestLogs_sources(t *testing.T) {
	root := write(t, t.TempDir(), map[string]string{"var/log/r/web1/a.log": "x", "var/log/r/web1/b.log": "", "var/log/r/web1/c.log.gz": "x", "var/log/r/web2/a.log": ""})
	at := time.Unix(1700000000, 0)
	for name, age := range map[string]time.Duration{"a.log": time.Hour, "b.log": 0, "c.log.gz": 25 * time.Hour} {
		if err := os.Chtimes(filepath.Join(root, "var/log/r/web1", name), at, at.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	sources := Sources{{Name: "web1", Files: "/var/log/r/*1/*"}, {Name: "web2", Files: "/var/log/r/web2/a.log"}, {Name: "gone", Files: "/var/log/r/gone/*/x"}, {Name: "file", Files: "/var/log/r/web1/a.log/*"}}
	sources.SetDefaults()
	r := collectortest.Once(t, New(root, false, sources, time.Now))
	want := map[string]float64{}
	for name, newest := range map[string]float64{"web1": 1700000000 - 3600, "web2": 0, "gone": 0, "file": 0} {
		want["tocsin_host_log_source_last_timestamp_seconds{"+name+"}"] = newest
		want["tocsin_host_log_source_longest_silence_seconds{"+name+"}"] = 7200
	}
	if diff := cmp.Diff(want, r.Samples); diff != "" || r.Reason != "" {
		t.Errorf("%s\n%s", r.Err, diff)
	}
	if os.Geteuid() == 0 {
		return // to root nothing is closed
	}
	if err := os.Chmod(filepath.Join(root, "var/log/r"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Chmod(filepath.Join(root, "var/log/r"), 0o755); err != nil {
			t.Error(err)
		}
	})
	if r := collectortest.Once(t, New(root, false, sources, time.Now)); r.Reason != frame.ReasonPermission || len(r.Samples) > 0 {
		t.Errorf("%s %v", r.Reason, r.Samples)
	}
}

const stats = `Fri Nov 27 04:17:58 2026: { "name": "main Q", "origin": "core.queue", "size": 9, "discarded.full": 1 }
Fri Nov 27 04:17:59 2026: @cee: { "name": "main Q", "origin": "core.queue", "size": 7, "discarded.full": 2, "discarded.nf": -1 }
noise
{ "name": "hub", "origin": "core.action", "suspended": 1, "suspended.duration": 30 }
{ "name": "hub", "origin": "core.action", "suspended": 2`

func TestLogs_stats(t *testing.T) {
	root := write(t, t.TempDir(), map[string]string{
		"etc/rsyslog.conf": `module(load="impstats" format="json" log.file="/var/log/stats")`, "var/log/stats": stats,
	})
	now := time.Now()
	clock := func() time.Time { return now }
	c := New(root, false, nil, clock).(*collector)
	r := collectortest.Once(t, c)
	want := map[string]float64{
		"tocsin_host_log_forwarding_targets": 0, "tocsin_host_log_forwarding_required": 0,
		"rsyslog_queue_size{main Q}": 7, "rsyslog_queue_discarded_full{main Q}": 2, "rsyslog_action_suspended{hub}": 1, "rsyslog_action_suspended_duration{hub}": 30,
	}
	if diff := cmp.Diff(want, r.Samples); diff != "" || r.Reason != "" {
		t.Errorf("%s\n%s", r.Err, diff)
	}
	now = now.Add(time.Hour)
	if r := collectortest.Once(t, c); r.Reason != "" || len(r.Samples) != 2 || !strings.Contains(c.Explain(), "of late") {
		t.Errorf("old: %s %v %q", r.Err, r.Samples, c.Explain())
	}
	write(t, root, map[string]string{"var/log/stats": "noise\n"})
	now = time.Now()
	if r := collectortest.Once(t, c); r.Reason != frame.ReasonError || !strings.Contains(r.Err, "impstats") {
		t.Errorf("noise: %s %v", r.Err, r.Samples)
	}
	if err := os.Remove(filepath.Join(root, "var/log/stats")); err != nil {
		t.Fatal(err)
	}
	if r := collectortest.Once(t, c); r.Reason != "" || !strings.Contains(c.Explain(), "packaging/README.md") {
		t.Errorf("gone: %s %q", r.Err, c.Explain())
	}
}

func TestLogs_settingsThatAreWrong(t *testing.T) {
	root := write(t, t.TempDir(), map[string]string{"etc/rsyslog.conf": strings.Repeat("#\n", maxSettings)})
	r := collectortest.Once(t, New(root, true, nil, time.Now))
	if _, told := r.Samples["tocsin_host_log_forwarding_targets"]; told || r.Reason != frame.ReasonError {
		t.Errorf("%s %s %v", r.Reason, r.Err, r.Samples)
	}
	if r := collectortest.Once(t, New(t.TempDir(), false, nil, time.Now)); r.Reason != "" || len(r.Samples) > 0 {
		t.Errorf("%s %v", r.Err, r.Samples)
	}
}

func TestLogs_conformance(t *testing.T) {
	root := write(t, t.TempDir(), map[string]string{
		"etc/rsyslog.conf": "module(load=\"impstats\" format=\"json\" log.file=\"/var/log/stats\")\n*.* @@hub.example\n", "var/log/stats": stats,
	})
	collectortest.Run(t, func(testing.TB) frame.Collector {
		return New(root, true, Sources{{Name: "a", Files: "/var/log/*"}}, time.Now)
	})
}

func TestSources_validate(t *testing.T) {
	p := problem.New()
	l := Sources{{Name: "a", Files: "/x/*"}, {Name: "a", Files: "x"}, {Files: "/[", Longest: 1e9}}
	l.SetDefaults()
	l.Validate(p)
	want := []problem.Problem{
		{Path: "[1].name", Text: `"a" is there twice; write names that tell them apart`},
		{Path: "[1].files", Text: `"x" is no absolute pattern; write one as /var/log/remote/web1/*.log`},
		{Path: "[2].name", Text: "is missing or longer than 60 bytes; write which machine or service it is, as web1"},
		{Path: "[2].files", Text: `"/[" is no absolute pattern; write one as /var/log/remote/web1/*.log`},
		{Path: "[2].longest", Text: "1s is not between 1m and 31d"},
	}
	if diff := cmp.Diff(want, p.All()); diff != "" {
		t.Error(diff)
	}
}

func FuzzRsyslog(f *testing.F) {
	f.Add("action(type=\"omfwd\" target=\"a\" port=\"1\")\n*.* @@(z9)b:1;T\n# c")
	f.Add(stats)
	f.Fuzz(func(t *testing.T, text string) {
		r := &rsyslog{root: "/nonexistent", seen: map[string]bool{}}
		_ = r.take(text)
		for _, target := range r.targets {
			if target.address == "" {
				t.Errorf("%q gives %+v", text, target)
			}
		}
		_, _, _ = parseStats([]byte(text))
	})
}
