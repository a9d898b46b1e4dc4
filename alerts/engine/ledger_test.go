package engine

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/sd"
)

// neverSettled fails if an end was said.
func neverSettled(t *testing.T, voice *recorder) {
	t.Helper()
	for _, r := range voice.reasons() {
		if strings.HasPrefix(r, "all_settled") {
			t.Errorf("a false end was said: %v", voice.reasons())
		}
	}
}

// pass waits for some more evaluations.
func pass(t *testing.T, e *Engine, d time.Duration) {
	t.Helper()
	began := time.Unix(0, e.lastEval.Load())
	eventually(t, d+30*time.Second, "evaluations", func() any { return nil }, func() bool {
		return time.Unix(0, e.lastEval.Load()).Sub(began) > d
	})
}

// TestLedger_gapsInTheDataEndNothing: each second page fails, and groups
// evaluate at moments of their own.
func TestLedger_gapsInTheDataEndNothing(t *testing.T) {
	t.Parallel()
	text := "groups:\n"
	for i := range 5 {
		text += fmt.Sprintf("  - name: g%d\n    interval: 5s\n    rules: [{alert: TooHot%d, expr: temperature > 30}]\n", i, i)
	}
	s, voice := newSite(page(35)), &recorder{}
	s.setOwn([]sd.Group{group("node", "here", "/metrics", "5s")})
	e := start(t, t.TempDir(), s, voice, text)
	defer e.Stop()
	eventually(t, time.Minute, "all said", func() any { return voice.reasons() }, func() bool { return len(voice.all()) >= 5 })
	next := func(text string) {
		n := s.pages.Load()
		s.set(text)
		eventually(t, 20*time.Second, "a scrape", func() any { return nil }, func() bool { return s.pages.Load() > n })
	}
	for range 6 {
		next("")
		next(page(35))
	}
	pass(t, e, 10*time.Second)
	neverSettled(t, voice)
}

func TestLedger_whatEndedUnderASilenceIsToldAfterIt(t *testing.T) {
	t.Parallel()
	s, voice := newSite(page(35)), &recorder{}
	e := start(t, t.TempDir(), s, voice, testRules)
	defer e.Stop()
	eventually(t, 30*time.Second, "said", func() any { return voice.reasons() }, said(voice, "first TooHot 1/1"))
	body := fmt.Sprintf(`{"matchers":[{"name":"alertname","value":"TooHot","isRegex":false,"isEqual":true}],"startsAt":%q,"endsAt":%q,"createdBy":"me","comment":"mending"}`,
		time.Now().UTC().Format(time.RFC3339), time.Now().Add(20*time.Second).UTC().Format(time.RFC3339))
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v2/silences", bytes.NewReader([]byte(body)))
	r.Header.Set("Content-Type", "application/json")
	e.AlertmanagerAPI().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	s.set(page(20))
	eventually(t, 20*time.Second, "ended in the ledger", func() any { return e.ledger.firing() }, func() bool { return len(e.ledger.firing()) == 0 })
	eventually(t, 2*time.Minute, "told when the silence is over", func() any { return voice.reasons() }, said(voice, "all_settled TooHot 0/1"))
}

// TestLedger_aSeriesMendedAwayEnds although another collector of its target
// fails: only the one that sends the series matters.
func TestLedger_aSeriesMendedAwayEnds(t *testing.T) {
	t.Parallel()
	collectors := "tocsin_collector_success{collector=\"other\"} 0\ntocsin_collector_success{collector=\"heat\"} 1\n"
	s, voice := newSite(collectors+"temperature 35\n"), &recorder{}
	e := startWith(t, t.TempDir(), s, voice, testRules, func(o *Options) {
		o.CollectorOf = func(metric string) string { return map[string]string{"temperature": "heat"}[metric] }
	})
	defer e.Stop()
	eventually(t, 30*time.Second, "said", func() any { return voice.reasons() }, said(voice, "first TooHot 1/1"))
	s.set(collectors)
	eventually(t, time.Minute, "ended", func() any { return voice.reasons() }, said(voice, "all_settled TooHot 0/1"))
}

func TestLedger_anEndBeforeItsBeginKeepsNothingFromStarting(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), time.Now()
	write(t, filepath.Join(dir, "alerts.json"), fmt.Sprintf(`[{"labels":{"alertname":"TooHot","job":"node","instance":"here"},"annotations":{},"starts_at":%q,"ends_at":%q},
{"labels":{"alertname":"","x":"y"},"annotations":{},"starts_at":%q}]`,
		now.Add(-time.Minute).Format(time.RFC3339), now.Add(-time.Hour).Format(time.RFC3339), now.Format(time.RFC3339)))
	start(t, dir, newSite(page(20)), &recorder{}, testRules).Stop()
}

func TestLedger_aBrokenFileIsSetAside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "alerts.json"), "{rubbish")
	start(t, dir, newSite(page(20)), &recorder{}, testRules).Stop()
	if aside, _ := filepath.Glob(filepath.Join(dir, "alerts.json.broken")); len(aside) != 1 {
		t.Error("the broken file was not kept")
	}
}

// TestLedger_anotherSeverityIsNoEnd: a reload changes it, with a for that
// makes the rule wait again.
func TestLedger_anotherSeverityIsNoEnd(t *testing.T) {
	t.Parallel()
	s, voice := newSite(page(35)), &recorder{}
	e := start(t, t.TempDir(), s, voice, testRules)
	defer e.Stop()
	eventually(t, 30*time.Second, "said", func() any { return voice.reasons() }, said(voice, "first TooHot 1/1"))
	pass(t, e, 4*time.Second)
	changed := strings.Replace(testRules, "labels: {severity: warning}", "labels: {severity: critical}\n        for: 8s", 1)
	if err := e.Apply(Settings{Rules: RuleFiles{"test.yml": []byte(changed)}, Voice: voice}); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "the new severity fires", func() any { return e.ledger.firing() }, func() bool {
		return slices.ContainsFunc(e.ledger.firing(), func(en entry) bool { return en.Labels["severity"] == "critical" })
	})
	pass(t, e, 10*time.Second)
	neverSettled(t, voice)
}

func TestLedger_rulesWaitForTheFirstScrape(t *testing.T) {
	t.Parallel()
	for range 5 {
		s := newSite(page(20))
		e := start(t, t.TempDir(), s, &recorder{}, testRules)
		eventually(t, 30*time.Second, "ready", func() any { return nil }, e.Ready)
		if s.pages.Load() == 0 {
			t.Error("ready before any page was read")
		}
		e.Stop()
	}
}

func TestLedger_wordsThatCouldNotBeShownAreTriedAgain(t *testing.T) {
	t.Parallel()
	s, voice := newSite(page(35)), &recorder{}
	e := start(t, t.TempDir(), s, voice, testRules)
	defer e.Stop()
	eventually(t, 30*time.Second, "said", func() any { return voice.reasons() }, said(voice, "first TooHot 1/1"))
	voice.setFail(errors.New("away"))
	s.set("")
	eventually(t, time.Minute, "the voice failed", func() any { return nil }, func() bool { return e.receiver.standing().Err != "" })
	voice.setFail(nil)
	eventually(t, 2*time.Minute, "said in the end", func() any { return voice.reasons() }, said(voice, "refresh TooHot 1/1"))
}

// TestLedger_aTargetThatIsDownWithItsHostHasNotCome back because its rule is
// silent while the host's fires.
func TestLedger_aTargetThatIsDownWithItsHostHasNotComeBack(t *testing.T) {
	t.Parallel()
	text := `
groups:
  - name: test
    interval: 1s
    rules:
      - {alert: Dead, expr: dead == 1}
      - {alert: TargetDown, expr: 'max without (from) (up{job!="node"} unless on (host) ALERTS{alertname="Dead"}) == 0'}
`
	s, voice := newSite("dead 0\n"), &recorder{}
	oven := group("oven", "there", "/metrics/oven/there", "1s")
	oven.Labels["host"] = "here"
	s.setOwn([]sd.Group{group("node", "here", "/metrics", "1s"), oven})
	e := startWith(t, t.TempDir(), s, voice, text, func(o *Options) {
		o.Pages = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "oven") {
				http.Error(w, "down", http.StatusServiceUnavailable)
				return
			}
			s.ServeHTTP(w, r)
		})
	})
	defer e.Stop()
	eventually(t, 30*time.Second, "said", func() any { return voice.reasons() }, said(voice, "first TargetDown 1/1"))
	s.set("dead 1\n")
	eventually(t, 30*time.Second, "the cause is said", func() any { return voice.reasons() }, said(voice, "first Dead 1/1"))
	pass(t, e, 8*time.Second)
	if !slices.ContainsFunc(e.ledger.firing(), func(en entry) bool { return en.name() == "TargetDown" }) {
		t.Errorf("TargetDown ended although its target is down: %v", voice.reasons())
	}
}

// TestScraping_theOwnTargetWinsAgainstAListThatClaimsItsName, and that is told.
func TestScraping_theOwnTargetWinsAgainstAListThatClaimsItsName(t *testing.T) {
	s := &scraping{log: slog.New(slog.DiscardHandler), changed: make(chan struct{}, 1), lists: map[string][]sd.Group{}}
	s.set("host:a", []sd.Group{group("node", "hub", "/metrics/node/x", "5s"), group("oven", "a", "/metrics/oven/a", "5s")})
	s.set(ownPool, []sd.Group{group("node", "hub", "/metrics", "5s")})
	sets := s.targets()
	if own, other := len(sets[ownPool]), len(sets["host:a"]); own != 2 || other != 2 {
		t.Errorf("%d own groups, %d of the host; want 2 and 2, the empty ones included", own, other)
	}
	if d := s.duplicates(); d[key{"node", "hub"}] != "host:a" {
		t.Errorf("duplicates: %v", d)
	}
}

// startWith is start with other options.
func startWith(t *testing.T, dir string, s *site, voice *recorder, text string, change func(*Options)) *Engine {
	t.Helper()
	o := Options{
		Config: Config{Retention: defaultRetention}, DataDir: dir, Log: slog.New(slog.NewTextHandler(testWriter{t}, nil)),
		Registerer: prometheus.NewRegistry(), Pages: s, Own: s.targets,
		Detail: func(map[string]string) string { return "" }, CollectorOf: func(string) string { return "" },
	}
	change(&o)
	e, err := New(o, Settings{Rules: RuleFiles{"test.yml": []byte(text)}, Voice: voice})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	return e
}
