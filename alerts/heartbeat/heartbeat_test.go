package heartbeat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"tocsin/internal/problem"
	"tocsin/internal/secret"
)

// service is the outside service, without a network.
type service struct {
	mu     sync.Mutex // guards what follows
	status int
	err    error
	got    []string
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, r.Method+" "+r.URL.String())
	if s.err != nil {
		return nil, s.err
	}
	return &http.Response{
		StatusCode: s.status, Request: r, Header: http.Header{"Location": {"https://elsewhere.example/"}},
		Body: io.NopCloser(strings.NewReader("s3cret-body")),
	}, nil
}

const address = "https://beat.example/s3cret"

func TestHeartbeat_followsHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, reg, log := &service{status: 200}, prometheus.NewPedanticRegistry(), new(bytes.Buffer)
		var sick atomic.Bool
		answer := func(status int, err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.status, s.err = status, err
		}
		h := New(Config{URL: secret.New(address)}, Options{
			Healthy:   func() (bool, string) { return !sick.Load(), "no rule was evaluated for 2m" },
			Transport: s, Registerer: reg, Logger: slog.New(slog.NewTextHandler(log, nil)),
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { h.Run(ctx); close(ended) }()

		expect := func(beats int) {
			t.Helper()
			synctest.Wait()
			s.mu.Lock()
			defer s.mu.Unlock()
			if len(s.got) != beats {
				t.Errorf("%d beats, want %d", len(s.got), beats)
			}
		}
		later := func(d time.Duration) { <-time.After(d); synctest.Wait() } // of synctest's clock: no waiting
		expect(1)
		later(2 * time.Minute)
		expect(3)
		sick.Store(true)
		later(10 * time.Minute)
		expect(3)
		sick.Store(false)
		later(time.Minute)
		expect(4)
		answer(500, nil)
		later(3 * time.Minute)
		expect(7)
		answer(200, &net.DNSError{Err: address})
		later(time.Minute)
		answer(200, nil)
		later(time.Minute)
		expect(9)
		cancel()
		<-ended

		if got := testutil.ToFloat64(h.sent); got != 5 {
			t.Errorf("%v sent, want 5", got)
		}
		if got := testutil.ToFloat64(h.last); got != float64(time.Now().Unix()) {
			t.Errorf("last success %v", got)
		}
		if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
			t.Error(problems, err)
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != 5 {
			t.Errorf("%d lines, want one for each change:\n%s", len(lines), log)
		}
		for i, part := range []string{"beats", "alerting does not work: no rule was evaluated", "beats again\" missed=10", "answers 500", "beats again\" missed=4"} {
			if i < len(lines) && !strings.Contains(lines[i], part) {
				t.Errorf("line %d is %q, want %q", i, lines[i], part)
			}
		}
		if strings.Contains(log.String(), "s3cret") {
			t.Errorf("the log has the secret:\n%s", log)
		}
	})
}

func TestHeartbeat_errors(t *testing.T) {
	for _, c := range []struct {
		s    *service
		want string
	}{
		{&service{status: 404}, "the service answers 404"},
		{&service{status: 302}, "the service answers 302 and another address: write the final one"},
		{&service{err: &net.DNSError{Err: address}}, "the service's name can't be resolved"},
		{&service{err: context.DeadlineExceeded}, "the service did not answer in time"},
		{&service{err: errors.New(address)}, "the service can't be reached"},
	} {
		h := New(Config{URL: secret.New(address)}, Options{Transport: c.s})
		err := h.send(t.Context())
		if err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
		if len(c.s.got) != 1 {
			t.Errorf("%d requests: a redirect was followed", len(c.s.got))
		}
	}
	h := New(Config{URL: secret.New("http://s3cret\x7f")}, Options{})
	if err := h.send(t.Context()); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
}

// A service that hangs is given up on by the timeout, over a real connection.
func TestHeartbeat_hangs(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-release:
		}
	}))
	defer s.Close()
	defer close(release)
	h := New(Config{URL: secret.New(s.URL), Timeout: model.Duration(100 * time.Millisecond)}, Options{})
	if err := h.send(t.Context()); err == nil || err.Error() != "the service did not answer in time" {
		t.Errorf("got %v", err)
	}
}

func TestHeartbeat_readsItsFileEachTime(t *testing.T) {
	file := filepath.Join(t.TempDir(), "url")
	s := &service{status: 200}
	h := New(Config{URLFile: file}, Options{Transport: s})
	if err := h.send(t.Context()); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v", err)
	}
	for _, u := range []string{"https://a.example/1", "https://b.example/2"} {
		if err := os.WriteFile(file, []byte(u+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := h.send(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff([]string{"GET https://a.example/1", "GET https://b.example/2"}, s.got); diff != "" {
		t.Error(diff)
	}
}

func TestHeartbeat_metricsGoOnAfterAReload(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	a := New(Config{}, Options{Registerer: reg})
	a.sent.Inc()
	b := New(Config{}, Options{Registerer: reg})
	b.sent.Inc()
	if got := testutil.ToFloat64(b.sent); got != 2 {
		t.Errorf("%v, want 2", got)
	}
}

func TestConfig(t *testing.T) {
	for text, want := range map[string][]string{
		"{url_file: /x}":                         nil,
		"{url: 'https://x.example/s3cret'}":      nil,
		"{}":                                     nil,
		"{url: s3cret}":                          {"url: this is not an address: write https://… as the monitoring service shows it"},
		"{url: 'https://x/s3cret', url_file: x}": {"url_file: url is given too: keep one of the two"},
		"{interval: 1s}": {
			"interval: 1s is out of range: write 10s to 24h",
			"timeout: 10s is longer than the interval of 1s: write less",
		},
		"{timeout: 1h}": {"timeout: 1h is out of range: write 1s to 1m"},
	} {
		var c Config
		if err := yaml.Unmarshal([]byte(text), &c); err != nil {
			t.Fatal(err)
		}
		c.SetDefaults()
		p := problem.New()
		c.Validate(p)
		var got []string
		for _, x := range p.All() {
			got = append(got, x.Path+": "+x.Text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
		if strings.Contains(fmt.Sprintf("%v %+v", got, c), "s3cret") {
			t.Errorf("%s: the secret is shown", text)
		}
	}
	if !(&Config{}).IsZero() || (&Config{URLFile: "x"}).IsZero() {
		t.Error("IsZero is wrong")
	}
}
