package probes

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/probes/httpprobe"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/tlscheck"
)

func TestCollector_conforms(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	good := probetest.HTTPS(t, root.Leaf(t, probetest.Spec{}), ok)
	bad := probetest.HTTPS(t, root.Leaf(t, probetest.Spec{NotAfter: time.Now().Add(-day)}), ok)
	for name, target := range map[string]string{
		"good": good.URL, "bad": bad.URL, "silent": "http://" + probetest.TCP(t, probetest.Hang),
	} {
		t.Run(name, func(t *testing.T) {
			collectortest.Run(t, func(t testing.TB) frame.Collector {
				c, err := New(Config{Target: target, Timeout: model.Duration(time.Second), TLS: tlscheck.Config{CAFile: probetest.WritePEM(t, root)}}, Options{})
				if err != nil {
					t.Fatal(err)
				}
				return c
			})
		})
	}
}

func TestCollector_explainsUntilAllIsWell(t *testing.T) {
	var broken atomic.Bool
	server := probetest.HTTP(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if broken.Load() {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	c, err := New(Config{Target: server.URL}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Explain(); got != "" {
		t.Errorf("before the first look it explains %q", got)
	}
	for _, want := range []string{"", "status: the answer is 502 Bad Gateway, not 2xx", ""} {
		broken.Store(want != "")
		lookWith(t, c)
		if got := c.Explain(); got != want {
			t.Errorf("it explains %q, want %q", got, want)
		}
	}
}

// TestCollector_leavesTimeForThePage has a server that hangs: the look must end
// before the scraper's patience does, or nothing would be told at all.
func TestCollector_leavesTimeForThePage(t *testing.T) {
	for _, c := range []struct{ timeout, scrape, want time.Duration }{
		{10 * time.Second, 30 * time.Second, 10 * time.Second},
		{10 * time.Second, 10 * time.Second, 7500 * time.Millisecond}, // the frame leaves 8 s, less half a second
		{10 * time.Second, time.Second, 720 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			collector, err := New(Config{Target: "http://192.0.2.1", Timeout: model.Duration(c.timeout)}, Options{
				Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
					<-ctx.Done()
					return nil, ctx.Err()
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			target := frame.NewTarget(frame.Spec{Job: "probe", Collectors: []frame.Entry{{Collector: collector}}}, slog.New(slog.DiscardHandler))
			ctx, cancel := context.WithTimeout(t.Context(), c.scrape)
			defer cancel()
			page := pageOf(target.Gather(ctx))
			page.wants(t, `probe_failure_info{reason="timeout"}`, 1)
			page.wants(t, `probe_failure_phase_info{phase="connect"}`, 1)
			page.wants(t, "probe_timeout_seconds", c.want.Seconds())
			page.wants(t, "probe_duration_seconds", c.want.Seconds())
		})
	}
}

// TestCollector_neitherUpNorDown has what hinders us and says nothing of the
// service: the collector fails, and the page is silent about it.
func TestCollector_neitherUpNorDown(t *testing.T) {
	server := probetest.HTTP(t, ok)
	for _, c := range []struct {
		name  string
		cfg   Config
		ctx   func(t *testing.T) context.Context
		cause error
	}{
		{"a secret cannot be read", Config{HTTP: httpprobe.Config{BearerTokenFile: filepath.Join(t.TempDir(), "none")}}, func(t *testing.T) context.Context { return t.Context() }, fs.ErrNotExist},
		{"the scraper went away", Config{}, func(t *testing.T) context.Context {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return ctx
		}, context.Canceled},
		{"no time at all", Config{}, func(t *testing.T) context.Context {
			ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
			t.Cleanup(cancel)
			return ctx
		}, context.DeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Target = server.URL
			collector, err := New(c.cfg, Options{})
			if err != nil {
				t.Fatal(err)
			}
			sink := frame.NewSink(collector.Families())
			err = collector.Collect(c.ctx(t), sink)
			if !errors.Is(err, c.cause) {
				t.Errorf("got %v, want %v", err, c.cause)
			}
			if _, told := collector.Last(); told || collector.Explain() != "" {
				t.Errorf("it tells of the service: %s", collector.Explain())
			}
		})
	}
}

func TestNew_refuses(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{}, "target: is missing"},
		{Config{Target: "https://moni:mark3r@a.example"}, "target: has a user or a password in it"},
		{Config{Target: "https://a.example", TLS: tlscheck.Config{CAFile: "/nowhere/ca.pem"}}, "ca_file: read authorities: stat /nowhere/ca.pem: no such file or directory"},
		{Config{Target: "https://a.example", TLS: tlscheck.Config{CAFile: "config_test.go"}}, "holds no PEM certificate"},
	} {
		_, err := New(c.cfg, Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "mark3r") {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

func TestRun(t *testing.T) {
	server := probetest.HTTP(t, ok)
	r, err := Run(t.Context(), Config{Target: server.URL}, Options{})
	if err != nil || !r.Success {
		t.Errorf("got %v, %v", r.Explain(), err)
	}
	if _, err := Run(t.Context(), Config{Target: "gopher://a.example"}, Options{}); err == nil || !strings.Contains(err.Error(), "cannot probe") {
		t.Errorf("got %v", err)
	}
}

// TestReasons_areExplained holds the closed list together: each reason once,
// each with a meaning of its own.
func TestReasons_areExplained(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Reasons() {
		if seen[string(r)] || seen[r.Meaning()] {
			t.Errorf("%s comes twice, or means the same as another", r)
		}
		seen[string(r)], seen[r.Meaning()] = true, true
		if r != probe.Other && r.Meaning() == probe.Other.Meaning() {
			t.Errorf("%s has no meaning", r)
		}
		if r.IsTLS() != strings.HasPrefix(string(r), "tls_") {
			t.Errorf("IsTLS is wrong about %s", r)
		}
	}
}
