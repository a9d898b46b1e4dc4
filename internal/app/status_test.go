package app

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/alerts/engine"
	"tocsin/bricks"
	"tocsin/exporters/brick"
	"tocsin/internal/config"
	"tocsin/internal/frame"
	"tocsin/internal/web/status"
	"tocsin/probes"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/tlscheck"
	"tocsin/updatewatch/forge"
)

func TestStatus_everyReasonIsSaidInWords(t *testing.T) {
	page := status.NewPage()
	said := func(language, reason string, s status.Status) {
		s.Language, s.Now = language, time.Now()
		var b bytes.Buffer
		if err := page.Draw(&b, &s); err != nil {
			t.Fatal(err)
		}
		for _, raw := range []string{">" + reason + "<", " " + reason + "</li>"} {
			if strings.Contains(b.String(), raw) {
				t.Errorf("%s: the page says %q and not what that means", language, reason)
			}
		}
	}
	for _, language := range []string{"en", "fr"} {
		for _, r := range bricks.Reasons() {
			said(language, string(r), status.Status{Bricks: []status.Brick{{State: status.Trouble, Reason: string(r)}}})
		}
		for _, r := range []bricks.MissingReason{bricks.Missing, bricks.WrongType, bricks.Negative, bricks.Range, bricks.Rows, bricks.Duplicate} {
			said(language, string(r), status.Status{Bricks: []status.Brick{{Missing: []status.Part{{Name: "x", Reason: string(r)}}}}})
		}
		for _, r := range []probe.Reason{
			probe.TLSExpired, probe.TLSNotYetValid, probe.TLSWrongHost, probe.TLSSelfSigned, probe.TLSUnknownAuthority,
			probe.TLSIncompleteChain, probe.TLSWeak, probe.TLSInvalid,
		} {
			said(language, string(r), status.Status{Certificates: []status.Certificate{{Name: "x", Reason: string(r)}}})
		}
		for _, r := range []forge.Reason{
			forge.Unreachable, forge.Timeout, forge.TLS, forge.NotFound, forge.Gone, forge.Unauthorized, forge.RateLimited, forge.ServerError,
			forge.Status, forge.Redirect, forge.TooLarge, forge.Hostile, forge.Unreadable, forge.NoReleases, forge.NoMatch, forge.TokenMissing,
		} {
			said(language, string(r), status.Status{Updates: []status.Update{{Project: "x", Reason: string(r)}}})
		}
	}
}

func TestTellFinding_states(t *testing.T) {
	for name, c := range map[string]struct {
		found brick.Finding
		want  status.State
	}{
		"not judged":       {brick.Finding{}, status.Unknown},
		"well":             {brick.Finding{Known: true, Up: true}, status.Good},
		"down":             {brick.Finding{Known: true, Reason: bricks.Refused, Words: "the connection is refused"}, status.Trouble},
		"a metric missing": {brick.Finding{Known: true, Up: true, Missing: []brick.MissingMetric{{Name: "x", Reason: bricks.Missing}}}, status.Partial},
		"a request failed": {brick.Finding{Known: true, Up: true, Failed: []brick.FailedRequest{{Name: "x", Reason: bricks.Denied}}}, status.Partial},
	} {
		var b status.Brick
		tellFinding(&b, &c.found)
		if b.State != c.want || b.Reason != string(c.found.Reason) || b.Detail != c.found.Words {
			t.Errorf("%s: got %+v", name, b)
		}
	}
}

func TestBrickStatus_followsTheLooks(t *testing.T) {
	server := probetest.HTTP(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "Bonjour") }))
	kinds, err := bricks.Load()
	if err != nil {
		t.Fatal(err)
	}
	kind, _ := bricks.Find(kinds, "website")
	entries, err := brick.New(bricks.Brick{Name: "portail", Kind: "website", URL: server.URL}, kind, brick.Options{})
	if err != nil {
		t.Fatal(err)
	}
	target := frame.NewTarget(frame.Spec{
		Job: "brick", Instance: "portail", Labels: map[string]string{"brick": "portail", "kind": "website", "host": "app1"},
		Interval: 15 * time.Second, Collectors: entries,
	}, slog.New(slog.DiscardHandler))
	want := status.Brick{Job: "brick", Instance: "portail", Name: "portail", Kind: "website", Host: "app1"}
	compare := func(when string, now time.Time) {
		t.Helper()
		got, ok := brickStatus(target, now)
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%s: %v (-want +got)\n%s", when, ok, diff)
		}
	}
	compare("before the first look", time.Now())
	target.Gather(t.Context())
	want.State = status.Good
	compare("after it", time.Now())
	found, _ := brick.Newest(entries[0].Collector)
	want.State, want.Since = status.Down, found.At
	compare("when nobody has asked for long", time.Now().Add(time.Hour))

	node := frame.NewTarget(frame.Spec{Job: "node", Instance: "guet"}, slog.New(slog.DiscardHandler))
	if b, ok := brickStatus(node, time.Now()); ok {
		t.Errorf("a host is the brick %+v", b)
	}
}

func TestDownSince_theAlertMayKnowBetter(t *testing.T) {
	now := time.Now()
	all := []status.Brick{
		{Job: "brick", Instance: "a", State: status.Trouble, Since: now},
		{Job: "brick", Instance: "b", State: status.Trouble},
		{Job: "brick", Instance: "c", State: status.Good},
		{Job: "brick", Instance: "d", State: status.Trouble, Since: now.Add(-2 * time.Hour)},
	}
	hourAgo := now.Add(-time.Hour)
	var firing []status.Alert
	for _, b := range all {
		firing = append(firing, status.Alert{Name: "BrickDown", Since: hourAgo, Labels: map[string]string{"job": b.Job, "instance": b.Instance}})
	}
	downSince(all, firing)
	var got []time.Time
	for _, b := range all {
		got = append(got, b.Since)
	}
	if diff := cmp.Diff([]time.Time{hourAgo, hourAgo, {}, now.Add(-2 * time.Hour)}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCertificates_whatTheProbeSawOnItsWay(t *testing.T) {
	authority := probetest.NewAuthority(t, probetest.Spec{})
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "Bonjour") })
	end := probetest.HTTPS(t, authority.Leaf(t, probetest.Spec{}), hello)
	alone := probetest.HTTPS(t, probetest.SelfSigned(t, probetest.Spec{}), hello)
	way := probetest.HTTPS(t, authority.Leaf(t, probetest.Spec{}), http.RedirectHandler(end.URL, http.StatusFound))
	look := func(target string) []status.Certificate {
		cfg := probes.Config{Target: target, TLS: tlscheck.Config{CAFile: probetest.WritePEM(t, authority)}}
		c, err := probes.New(cfg, probes.Options{})
		if err != nil {
			t.Fatal(err)
		}
		probe := frame.NewTarget(frame.Spec{Job: "probe", Instance: target, Collectors: []frame.Entry{{Collector: c}}}, slog.New(slog.DiscardHandler))
		if early := certificates(probe); len(early) > 0 {
			t.Errorf("before the first look: %+v", early)
		}
		probe.Gather(t.Context())
		return certificates(probe)
	}
	both := look(way.URL)
	if len(both) != 2 {
		t.Fatalf("over a redirect: %+v", both)
	}
	if direct := look(end.URL); len(direct) != 1 || direct[0].Name != end.URL || direct[0].Fingerprint != both[1].Fingerprint || direct[0].Reason != "" || direct[0].NotAfter.Before(time.Now()) {
		t.Errorf("asked directly: %+v", direct)
	}
	if both[0].Name != way.URL || both[1].Name != way.URL+" → 127.0.0.1" || both[0].Fingerprint == both[1].Fingerprint {
		t.Errorf("over a redirect: %+v", both)
	}
	if own := look(alone.URL); len(own) != 1 || own[0].Reason != "tls_self_signed" || own[0].Problem == "" || own[0].Accepted {
		t.Errorf("signed by itself: %+v", own)
	}
}

func TestCertificateDays_areThoseOfTheRules(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string][2]time.Duration{
		"site: ville\n": {21 * day, 7 * day},
		"alerts: {rules: {CertificateExpiring: {threshold: 10}, CertificateExpiringSoon: [{match: {level: low}, threshold: 1}, {threshold: 2.5}]}}\n": {10 * day, 60 * time.Hour},
	} {
		file := filepath.Join(t.TempDir(), "tocsin.yml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		site, err := config.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		if soon, last := certificateDays(site); soon != want[0] || last != want[1] {
			t.Errorf("%s: %s and %s, want %s and %s", text, soon, last, want[0], want[1])
		}
	}
}

// sample is one of a page of another host.
func sample(p page, name string, value float64, labels ...string) {
	of := map[string]string{}
	for pair := range slices.Chunk(labels, 2) {
		of[pair[0]] = pair[1]
	}
	p[name] = append(p[name], engine.Sample{Name: name, Labels: of, Value: value})
}

func TestBrickElsewhere_states(t *testing.T) {
	scraped := engine.TargetHealth{
		Job: "brick", Instance: "pad", Up: true, Scraped: time.Now(),
		Labels: map[string]string{"brick": "pad", "kind": "etherpad", "host": "app1"},
	}
	down, partly, well := page{}, page{}, page{}
	sample(down, "brick_up", 0)
	sample(down, "brick_failure_info", 1, "reason", "refused")
	sample(well, "brick_up", 1)
	sample(well, "brick_version_info", 1, "version", "2.5.3")
	sample(well, "brick_failure_info", 1, "reason", "timeout") // from before a restart of the hub
	sample(partly, "brick_up", 1)
	sample(partly, "brick_metric_missing", 1, "metric", "b", "reason", "type")
	sample(partly, "brick_metric_missing", 1, "metric", "a", "reason", "missing")
	sample(partly, "brick_request_failure_info", 1, "request", "stats", "reason", "denied")
	dead, never := scraped, scraped
	dead.Up, dead.Err = false, "connection refused"
	never.Scraped = time.Time{}
	named := status.Brick{Job: "brick", Instance: "pad", Name: "pad", Kind: "etherpad", Host: "app1"}
	for name, c := range map[string]struct {
		target engine.TargetHealth
		page   page
		want   status.Brick // but for its name
	}{
		"well":        {scraped, well, status.Brick{State: status.Good, Version: "2.5.3"}},
		"down":        {scraped, down, status.Brick{State: status.Trouble, Reason: "refused"}},
		"partly":      {scraped, partly, status.Brick{State: status.Partial, Failed: []status.Part{{Name: "stats", Reason: "denied"}}, Missing: []status.Part{{Name: "a", Reason: "missing"}, {Name: "b", Reason: "type"}}}},
		"not judged":  {scraped, nil, status.Brick{}},
		"its page":    {dead, well, status.Brick{State: status.Down, Detail: "connection refused"}},
		"not scraped": {never, nil, status.Brick{}},
	} {
		t.Run(name, func(t *testing.T) {
			want := c.want
			want.Job, want.Instance, want.Name, want.Kind, want.Host = named.Job, named.Instance, named.Name, named.Kind, named.Host
			if diff := cmp.Diff(want, brickElsewhere(&c.target, c.page)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCertificatesElsewhere_theLastServerHasItsFingerprint(t *testing.T) {
	p := page{}
	sample(p, "probe_hop_certificate_expiry_timestamp_seconds", 2000, "hop", "0", "server", "a.example")
	sample(p, "probe_hop_certificate_expiry_timestamp_seconds", 3000, "hop", "1", "server", "b.example")
	sample(p, "probe_ssl_last_chain_info", 1, "fingerprint_sha256", "ab12")
	sample(p, "probe_ssl_last_chain_expiry_timestamp_seconds", 2500)
	sample(p, "probe_ssl_earliest_cert_expiry", 1000)
	sample(p, "probe_certificate_problem_info", 1, "hop", "0", "reason", "tls_self_signed")
	sample(p, "probe_certificate_problem_info", 1, "hop", "0", "reason", "tls_wrong_host")
	sample(p, "probe_failure_info", 1, "reason", "tls_wrong_host")
	want := []status.Certificate{
		{Name: "https://a.example", NotAfter: time.Unix(2000, 0), Reason: "tls_wrong_host"},
		{Name: "https://a.example → b.example", Fingerprint: "ab12", NotAfter: time.Unix(2500, 0)},
	}
	if diff := cmp.Diff(want, certificatesElsewhere("https://a.example", p)); diff != "" {
		t.Error(diff)
	}
	delete(p, "probe_failure_info")
	if got := certificatesElsewhere("https://a.example", p); !got[0].Accepted {
		t.Errorf("what the probe accepts is %+v", got[0])
	}
	if got := certificatesElsewhere("tcp://a.example:22", page{}); len(got) != 0 {
		t.Errorf("without TLS: %+v", got)
	}
}

func TestUpdatesElsewhere(t *testing.T) {
	p := page{}
	sample(p, "updatewatch_version_info", 1, "project", "pad", "deployed", "2.5.2", "line_newest", "2.5.4", "newest", "3.0.0")
	sample(p, "updatewatch_version_info", 1, "project", "lost", "deployed", "1.0", "line_newest", "", "newest", "")
	sample(p, "updatewatch_releases_behind", 2, "project", "pad")
	sample(p, "updatewatch_behind_since_timestamp_seconds", 1000, "project", "pad")
	sample(p, "updatewatch_security_update_waiting", 1, "project", "pad")
	sample(p, "updatewatch_newer_line_available", 1, "project", "pad")
	sample(p, "updatewatch_check_success", 1, "project", "pad")
	sample(p, "updatewatch_check_success", 0, "project", "lost")
	sample(p, "updatewatch_check_failure_info", 1, "project", "pad", "reason", "timeout") // from before a restart of the hub
	sample(p, "updatewatch_check_failure_info", 1, "project", "lost", "reason", "not_found")
	sample(p, "updatewatch_last_success_timestamp_seconds", 2000, "project", "pad")
	want := []status.Update{
		{Project: "lost", Host: "db2", Deployed: "1.0", Reason: "not_found"},
		{
			Project: "pad", Host: "db2", Deployed: "2.5.2", NewestInLine: "2.5.4", Newest: "3.0.0", Behind: 2, BehindSince: time.Unix(1000, 0),
			NewLine: true, Security: true, Asked: time.Unix(2000, 0), Read: time.Unix(2000, 0),
		},
	}
	if diff := cmp.Diff(want, updatesElsewhere("db2", p)); diff != "" {
		t.Error(diff)
	}
}
