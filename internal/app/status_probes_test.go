package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/testenv"
	"tocsin/internal/web"
	"tocsin/internal/web/status"
	"tocsin/probes"
	"tocsin/probes/probe"
)

// looked is a collector of which the newest look is given.
type looked struct{ probes.Result }

func (looked) Name() string              { return "probe" }
func (looked) Families() []*frame.Family { return nil }
func (l looked) Explain() string         { return l.Result.Explain() }
func (l looked) Collect(context.Context, *frame.Sink) error {
	return l.Unmeasured
}
func (l looked) Last() (probes.Result, bool)                              { return l.Result, true }
func (l looked) Looks() (newest []*probes.Result, failure *probes.Result) { return nil, nil }

func TestTellLooks_eachStateOfALook(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		result         probes.Result
		state          status.State
		reason, detail string
	}{
		"up":           {probes.Result{Success: true}, status.Good, "", ""},
		"up, but":      {probes.Result{Success: true, Faults: []string{"ns2 is silent", "ns3 is late"}}, status.Faulty, "", "ns2 is silent\nns3 is late"},
		"down":         {probes.Result{Reason: probe.Refused, Err: errors.New("connection refused")}, status.Trouble, "refused", "connection refused"},
		"not measured": {probes.Result{Unmeasured: &probe.Unmeasured{Err: errors.New("no way")}}, status.Down, "", "no way"},
	} {
		target := frame.NewTarget(frame.Spec{
			Job: "probe", ID: "zone@lyon", Instance: "zone://ville.example", Interval: time.Minute, Timeout: time.Minute,
			Collectors: []frame.Entry{{Collector: looked{c.result}}},
		}, slog.New(slog.DiscardHandler))
		target.Gather(t.Context())
		s := web.TargetStatus(target)
		tellLooks(&s, target, lookerOf(target))
		if s.State != c.state || s.Reason != c.reason || s.Detail != c.detail || s.Page != "probes/zone" {
			t.Errorf("%s: %+v", name, s)
		}
		if state := stateOf(&c.result); state != c.state {
			t.Errorf("%s: the look's state is %d, want %d", name, state, c.state)
		}
	}
}

func TestSaid_frenchHasThePlacesOfEnglish(t *testing.T) {
	t.Parallel()
	for english, french := range saidInFrench() {
		if strings.Count(english, "%s") != strings.Count(french, "%s") || regexp.MustCompile(` [:;]|'`).MatchString(french) {
			t.Errorf("%q: %q", english, french)
		}
	}
	if got := said("fr", "could not be opened and are kept in %s", "/x"); got != "n’ont pas pu être ouvertes et sont gardées dans /x" {
		t.Error(got)
	}
}

// TestStatus_probesOfASite has a real instance with a port that is closed as it
// must be, a page that fails, and a port of which nothing can be said.
func TestStatus_probesOfASite(t *testing.T) {
	t.Parallel()
	broken := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(broken.Close)
	in := newInstance(t, "guet", "language: fr\nprobes:\n"+
		"  - {target: \"tcp://127.0.0.1:"+strconv.Itoa(testenv.Port(t))+"\", name: base, expect: closed}\n"+
		"  - {target: "+broken.URL+", name: portail, interval: 2s}\n"+
		"  - {target: \"tcp://nowhere.invalid:5433\", name: aveugle, expect: closed, interval: 2s}\n")
	in.start()
	page := func(path string, texts ...string) {
		t.Helper()
		eventually(t, 90*time.Second, path+" says "+strings.Join(texts, ", "), func() string { return in.get(path) }, func() bool { return contains(in.get(path), texts...) })
	}
	page("/probes/base", "<h1><bdi>base</bdi></h1>", "<strong>fermé, comme il se doit</strong>", "une connexion est tentée, et ne doit pas aboutir")
	page("/probes/aveugle", "<strong>Non mesurée depuis ", "nowhere.invalid does not exist in the DNS")
	page("/", `<a href="probes/portail"><bdi>portail</bdi></a><br><span class="soft small"><bdi>`+broken.URL,
		"son code de statut n’est pas celui attendu", `<p class="note"><a href="probes/portail">Ce que la sonde a vu</a></p>`)
}
