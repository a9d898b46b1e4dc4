package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/alerts"
	"tocsin/internal/sd"
)

// site is a small site for tests: one node page whose text the test sets.
type site struct {
	mu    sync.Mutex
	page  string // empty: the page cannot be had
	pages atomic.Int64
	own   []sd.Group
}

func newSite(page string) *site {
	return &site{page: page, own: []sd.Group{group("node", "here", "/metrics", "1s")}}
}

func group(job, instance, path, interval string) sd.Group {
	return sd.Group{Targets: []string{"any"}, Labels: map[string]string{
		sd.LabelJob: job, sd.LabelInstance: instance, "host": instance, sd.LabelPath: path,
		sd.LabelInterval: interval, sd.LabelTimeout: interval,
	}}
}

func (s *site) set(page string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.page = page
}

func (s *site) setOwn(own []sd.Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.own = own
}

func (s *site) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages.Add(1)
	if s.page == "" {
		http.Error(w, "gone", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	fmt.Fprint(w, s.page)
}

func (s *site) targets() []sd.Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.own)
}

// recorder is a voice that remembers what it was asked to say.
type recorder struct {
	mu   sync.Mutex
	said []alerts.Notification
	fail error
}

func (r *recorder) Name() string { return "recorder" }

func (r *recorder) Say(_ context.Context, n alerts.Notification) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return true, r.fail
	}
	r.said = append(r.said, n)
	return false, nil
}

func (r *recorder) setFail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = err
}

func (r *recorder) all() []alerts.Notification {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.said)
}

// reasons lists what was said, as "reason alertname firing/all".
func (r *recorder) reasons() []string {
	var out []string
	for _, n := range r.all() {
		out = append(out, fmt.Sprintf("%s %s %d/%d", n.Reason, n.Alerts[0].Name(), n.Firing(), len(n.Alerts)))
	}
	return out
}

// page is a Tocsin's page with one value.
func page(temperature int) string {
	return fmt.Sprintf("temperature %d\ntocsin_collector_success{collector=\"oven\"} 1\n", temperature)
}

const testRules = `
groups:
  - name: test
    interval: 1s
    rules:
      - alert: TooHot
        expr: temperature > 30
        labels: {severity: warning}
        annotations: {summary: "{{ $labels.instance }} is too hot: {{ $value }}"}
`

func start(t *testing.T, dir string, s *site, voice *recorder, rules string) *Engine {
	t.Helper()
	return startWith(t, dir, s, voice, rules, func(*Options) {})
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// eventually waits for a condition, and fails with what is known when it does
// not come.
func eventually(t *testing.T, within time.Duration, what string, known func() any, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for time.Since(began) < within {
		if ok() {
			return time.Since(began)
		}
		<-tick.C
	}
	t.Fatalf("not within %s: %s; known: %v", within, what, known())
	return 0
}

func said(r *recorder, want string) func() bool {
	return func() bool { return slices.Contains(r.reasons(), want) }
}

func TestEngine_conditionTrueIsSaidAndItsEndIsSaid(t *testing.T) {
	t.Parallel()
	s, voice := newSite(page(20)), &recorder{}
	e := start(t, t.TempDir(), s, voice, testRules)
	defer e.Stop()
	eventually(t, 20*time.Second, "ready", func() any { return e.Status(t.Context()) }, e.Ready)

	s.set(page(35))
	took := eventually(t, 20*time.Second, "said", func() any { return voice.reasons() }, said(voice, "first TooHot 1/1"))
	t.Logf("true to said: %s", took)
	if got := voice.all()[0].Alerts[0].Annotations["summary"]; got != "here is too hot: 35" {
		t.Errorf("summary %q", got)
	}
	s.set(page(20))
	took = eventually(t, 20*time.Second, "settled", func() any { return voice.reasons() }, said(voice, "all_settled TooHot 0/1"))
	t.Logf("cleared to said: %s", took)
	if got := voice.reasons(); len(got) != 2 {
		t.Errorf("said %v, want two messages", got)
	}
}

func TestEngine_aRestartWhileFiringSaysNothingTwiceAndTheEndOnce(t *testing.T) {
	t.Parallel()
	dir, s, voice := t.TempDir(), newSite(page(35)), &recorder{}
	e := start(t, dir, s, voice, testRules)
	eventually(t, 30*time.Second, "said", func() any { return voice.reasons() }, said(voice, "first TooHot 1/1"))
	began := voice.all()[0].Alerts[0].StartsAt
	e.Stop()

	e = start(t, dir, s, voice, testRules)
	restarted := time.Now()
	eventually(t, 30*time.Second, "ready", func() any { return nil }, e.Ready)
	eventually(t, 30*time.Second, "evaluated for some time after the restart", func() any { return e.ledger.firing() }, func() bool {
		return time.Unix(0, e.lastEval.Load()).Sub(restarted) > 6*time.Second
	})
	if got := voice.reasons(); len(got) != 1 {
		t.Errorf("after the restart: said %v, want nothing new", got)
	}
	if f := e.ledger.firing(); len(f) != 1 || !f[0].StartsAt.Equal(began) {
		t.Errorf("firing %v, want the one since %s", f, began)
	}
	e.Stop()

	s.set(page(20)) // it ends while nobody watches
	e = start(t, dir, s, voice, testRules)
	defer e.Stop()
	eventually(t, 30*time.Second, "end said after the restart", func() any { return voice.reasons() }, said(voice, "all_settled TooHot 0/1"))
	if got := voice.reasons(); len(got) != 2 {
		t.Errorf("said %v, want two messages", got)
	}
}

func TestEngine_vanishedDataIsNoEnd(t *testing.T) {
	t.Parallel()
	s, voice := newSite(page(35)), &recorder{}
	e := start(t, t.TempDir(), s, voice, testRules)
	defer e.Stop()
	eventually(t, 30*time.Second, "said", func() any { return voice.reasons() }, said(voice, "first TooHot 1/1"))
	s.set("")
	eventually(t, 60*time.Second, "no data said", func() any { return voice.reasons() }, said(voice, "refresh TooHot 1/1"))
	all := voice.all()
	if since := all[len(all)-1].Alerts[0].NoDataSince; since.IsZero() {
		t.Error("the message does not say since when there is no data")
	}
	s.set(page(36))
	eventually(t, 30*time.Second, "data is back", func() any { return voice.all() }, func() bool {
		all := voice.all()
		last := all[len(all)-1]
		return last.Reason == alerts.Refresh && last.Alerts[0].NoDataSince.IsZero()
	})
	s.set(page(20))
	eventually(t, 30*time.Second, "end said", func() any { return voice.reasons() }, said(voice, "all_settled TooHot 0/1"))
}

func TestEngine_aTargetThatIsNoLongerConfiguredEndsUnwatched(t *testing.T) {
	t.Parallel()
	s, voice := newSite(page(35)), &recorder{}
	s.setOwn([]sd.Group{group("node", "here", "/metrics", "1s"), group("oven", "there", "/metrics/oven/there", "1s")})
	e := start(t, t.TempDir(), s, voice, testRules)
	defer e.Stop()
	eventually(t, 30*time.Second, "both said", func() any { return voice.reasons() }, func() bool { return len(voice.all()) == 2 })
	s.setOwn([]sd.Group{group("node", "here", "/metrics", "1s")})
	eventually(t, 30*time.Second, "end said", func() any { return voice.reasons() }, said(voice, "all_settled TooHot 0/1"))
	all := voice.all()
	if a := all[len(all)-1].Alerts[0]; !a.Unwatched || a.Labels["instance"] != "there" {
		t.Errorf("%+v: want unwatched", a)
	}
}

const causeRules = `
groups:
  - name: test
    interval: 1s
    rules:
      - alert: Dark
        expr: lights == 0
      - alert: Cold
        expr: (temperature unless on (instance) ALERTS{alertname="Dark", alertstate="firing"}) < 10
`

// TestEngine_mutedByItsCauseIsNoEnd: a rule that is silent because its cause
// fires has not seen the trouble end.
func TestEngine_mutedByItsCauseIsNoEnd(t *testing.T) {
	t.Parallel()
	s, voice := newSite(page(5)+"lights 1\n"), &recorder{}
	e := start(t, t.TempDir(), s, voice, causeRules)
	defer e.Stop()
	eventually(t, 30*time.Second, "said", func() any { return voice.reasons() }, said(voice, "first Cold 1/1"))
	s.set(page(5) + "lights 0\n")
	eventually(t, 30*time.Second, "cause said", func() any { return voice.reasons() }, said(voice, "first Dark 1/1"))
	began := time.Unix(0, e.lastEval.Load())
	eventually(t, 30*time.Second, "evaluated with the cause known", func() any { return nil }, func() bool {
		return time.Unix(0, e.lastEval.Load()).Sub(began) > 4*time.Second
	})
	if slices.Contains(voice.reasons(), "all_settled Cold 0/1") {
		t.Errorf("said %v: Cold was muted, it has not ended", voice.reasons())
	}
	s.set(page(20) + "lights 1\n")
	eventually(t, 30*time.Second, "both ended", func() any { return voice.reasons() }, func() bool {
		return said(voice, "all_settled Cold 0/1")() && said(voice, "all_settled Dark 0/1")()
	})
}

func TestEngine_aVoiceThatFailsIsAskedAgain(t *testing.T) {
	t.Parallel()
	s, voice := newSite(page(35)), &recorder{fail: errors.New("away")}
	e := start(t, t.TempDir(), s, voice, testRules)
	defer e.Stop()
	eventually(t, 30*time.Second, "failure noted", func() any { return e.receiver.standing() }, func() bool {
		return e.receiver.standing().Err != ""
	})
	if ok, why := e.Healthy(); ok {
		t.Errorf("healthy although the voice fails: %s", why)
	}
	voice.setFail(nil)
	eventually(t, 60*time.Second, "said", func() any { return voice.reasons() }, said(voice, "first TooHot 1/1"))
	if ok, why := e.Healthy(); !ok {
		t.Errorf("not healthy: %s", why)
	}
}

func TestNew_foldersThatCannotBeUsed(t *testing.T) {
	for _, test := range []struct {
		name string
		make func(t *testing.T, dir string)
		want string
	}{
		{"another layout", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "version"), "99\n") }, `has layout "99", this Tocsin reads layout "1"`},
		{"not ours", func(t *testing.T, dir string) { _ = os.Mkdir(filepath.Join(dir, "tsdb"), 0o700) }, `it was not written by Tocsin`},
		{"a file in the way", func(t *testing.T, dir string) { _ = os.Remove(dir); write(t, dir, "") }, `choose another with --data-dir`},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			test.make(t, dir)
			_, err := New(Options{DataDir: dir, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()}, Settings{Voice: &recorder{}})
			if !errors.Is(err, ErrDataFolder) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestNew_aFolderInUseIsRefused(t *testing.T) {
	dir, s := t.TempDir(), newSite(page(20))
	e := start(t, dir, s, &recorder{}, testRules)
	defer e.Stop()
	_, err := New(Options{DataDir: dir, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Own: s.targets},
		Settings{Voice: &recorder{}})
	if err == nil || !strings.Contains(err.Error(), "is in use by another Tocsin") {
		t.Errorf("error %v", err)
	}
}

func TestNew_brokenStorageIsSetAsideAndSaid(t *testing.T) {
	dir, s, voice := t.TempDir(), newSite(page(20)), &recorder{}
	e := start(t, dir, s, voice, testRules)
	e.Stop()
	// A chunk folder that is a file: nothing that opening can mend.
	if err := os.RemoveAll(filepath.Join(dir, "tsdb", "chunks_head")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "tsdb", "chunks_head"), "rubbish")
	e = start(t, dir, s, voice, testRules)
	defer e.Stop()
	eventually(t, 10*time.Second, "said", func() any { return voice.reasons() }, said(voice, "first TocsinStorageSetAside 1/1"))
	kept, _ := filepath.Glob(filepath.Join(dir, "tsdb.broken-*"))
	if len(kept) != 1 {
		t.Errorf("set aside: %v", kept)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
