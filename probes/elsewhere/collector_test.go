package elsewhere

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"

	"tocsin/internal/frame"
	"tocsin/probes"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
)

// asked makes the collector of a probe that is asked of a server.
func asked(t *testing.T, h http.HandlerFunc) *Collector {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := New(probes.Config{Target: "https://www.ville.example/a?b=1", Timeout: model.Duration(time.Second)},
		Place{Name: "lyon", Address: server.URL, Client: server.Client()}, probes.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func collect(c *Collector) (page map[string]float64, err error) {
	s := frame.NewSink(c.Families())
	err = c.Collect(context.Background(), s)
	families, _ := s.Page()
	page = map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			name := f.GetName()
			for _, l := range m.Label {
				name += "," + l.GetValue()
			}
			page[name] = m.GetGauge().GetValue() + m.GetUntyped().GetValue()
		}
	}
	return page, err
}

func TestCollect_handsOnWhatThePlaceSaw(t *testing.T) {
	var got http.Request
	c := asked(t, func(w http.ResponseWriter, r *http.Request) {
		got = *r
		result := probe.Result{
			Target: "https://www.ville.example", Start: time.Now().Add(-time.Hour), Duration: 1500 * time.Millisecond,
			Reason: probe.Refused, Phase: probe.PhaseConnect, Err: errors.New("connection refused"),
			Steps: []probe.Step{{Phase: probe.PhaseConnect, Offset: time.Millisecond, Duration: time.Second, Text: "refused", Failed: true}},
		}
		b, err := Answer(&result, "# TYPE probe_success gauge\nprobe_success 0\nprobe_failure_info{reason=\"refused\"} 1\n"+
			"probe_http_status_code 0\nsomething_else 7\nup 1\n")
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(b)
	})
	page, err := collect(c)
	if err != nil {
		t.Fatal(err)
	}
	if len(page) != 3 || page["probe_failure_info,refused"] != 1 {
		t.Errorf("the page is %v", page)
	}
	q := got.URL.Query()
	if q.Get("target") != "https://www.ville.example/a?b=1" || !strings.Contains(q.Get("entry"), "timeout: 1s") || got.Header.Get("X-Prometheus-Scrape-Timeout-Seconds") != "1.500" {
		t.Errorf("it asked %s %v", got.URL, got.Header)
	}
	if want := "from lyon: refused: connection refused"; c.Explain() != want {
		t.Errorf("it explains %q, want %q", c.Explain(), want)
	}
	looks, failure := c.Looks()
	if len(looks) != 1 || failure == nil || failure.Steps[0].Duration != time.Second || time.Since(looks[0].Start) > time.Minute {
		t.Errorf("it remembers %+v", looks)
	}
}

func TestCollect_takesOverWhatServersShowed(t *testing.T) {
	authority := probetest.NewAuthority(t, probetest.Spec{Name: "Authority"})
	leaf, err := x509.ParseCertificate(authority.Leaf(t, probetest.Spec{Name: "www.ville.example"}).Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	seen := probe.Hop{
		URL: "https://www.ville.example/a", Host: "www.ville.example", Address: netip.MustParseAddrPort("192.0.2.8:443"),
		TLS: &probe.TLS{
			ServerName: "www.ville.example", Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256, Certificates: []*x509.Certificate{leaf},
			Problems: []probe.Problem{{Reason: probe.TLSUnknownAuthority, Text: "nobody knows it"}, {Reason: "made_up", Text: "no reason of ours"}},
		},
	}
	c := asked(t, func(w http.ResponseWriter, _ *http.Request) {
		b, err := Answer(&probe.Result{Success: true, Hops: []probe.Hop{seen, {URL: "https://there.example/"}}}, "probe_success 1\n")
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(b)
	})
	for range 2 {
		if _, err := collect(c); err != nil {
			t.Fatal(err)
		}
	}
	looks, _ := c.Looks()
	last, told := c.Last()
	if !told || len(last.Hops) != 2 || last.Hops[1].Host != "there.example" || last.Hops[1].Shown() != nil {
		t.Fatalf("it remembers %+v", last)
	}
	hop := last.Hops[0]
	if hop.Host != seen.Host || hop.Address != seen.Address || hop.TLS != nil {
		t.Errorf("the server is %+v", hop)
	}
	want := seen.Shown()
	want.Problems, want.Verified = want.Problems[:1], false
	if diff := cmp.Diff(want, hop.Shown()); diff != "" {
		t.Errorf("what it showed (-told +kept):\n%s", diff)
	}
	if looks[0].Hops[0].Told != looks[1].Hops[0].Told {
		t.Error("the same certificates are kept twice")
	}
}

func TestCollect_whatThePlaceDoesNotDoIsNotMeasured(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		reason  frame.Reason
		text    string
	}{
		"not allowed": {
			func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "www is no target\nprobe_allow: [www]", http.StatusForbidden)
			},
			frame.ReasonPermission, "not measured from lyon: it answers 403: www is no target\nprobe_allow: [www]",
		},
		"not understood": {
			func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "newer_key: unknown key", http.StatusBadRequest)
			},
			frame.ReasonRefused, "not measured from lyon: it answers 400: newer_key: unknown key",
		},
		"overloaded": {
			func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "too many", http.StatusServiceUnavailable)
			},
			frame.ReasonError, "not measured from lyon: it answers 503: too many",
		},
		"redirects": {
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://other.example", http.StatusFound)
			},
			frame.ReasonRefused, "not measured from lyon: it answers 302",
		},
		"something else": {
			func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
			frame.ReasonInvalid, "not measured from lyon: its answer cannot be read: is this port Tocsin's, and of this version?",
		},
		"a page that is none": {
			func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"look":{"success":true},"page":"{{{"}`) },
			frame.ReasonInvalid, "the page of lyon cannot be read",
		},
		"too large": {
			func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("a", maxAnswer+10)) },
			frame.ReasonInvalid, "not measured from lyon: its answer is larger than 1048576 bytes",
		},
		"hangs": {
			func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			frame.ReasonTimeout, "not measured from lyon: it did not answer in time",
		},
		"cuts": {
			func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			frame.ReasonUnreachable, "not measured from lyon: it does not answer: EOF",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			collector := asked(t, c.handler)
			collector.place.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			page, err := collect(collector)
			if err == nil || frame.ReasonOf(err) != c.reason || !strings.HasPrefix(err.Error(), c.text) {
				t.Errorf("got %q (%s), want %q (%s)", err, frame.ReasonOf(err), c.text, c.reason)
			}
			if len(page) > 0 || collector.Explain() != "" {
				t.Errorf("it says something of the service: %v %s", page, collector.Explain())
			}
		})
	}
}

func FuzzAnswer(f *testing.F) {
	b, err := Answer(&probe.Result{Success: true, Steps: []probe.Step{{Text: "a"}}}, "probe_success 1\n")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"look":{"hops":[{"url":"https://a.example/","address":"x","tls":{"certificates":[{"subject":"\u202e","names":["a"],"not_after":"2026-01-01T00:00:00Z"}],"problems":[{"reason":"y"}]}}]}}`))
	f.Add([]byte(`{"look":{"duration_seconds":-1e300,"reason":"x","steps":[{"phase":"y"}]},"page":"probe_success{a=\"\\xff\"} 1"}`))
	c, err := New(probes.Config{Target: "https://a.example"}, Place{Name: "lyon"}, probes.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var a answer
		if json.Unmarshal(b, &a) != nil {
			return
		}
		r := a.Look.result()
		for i := range r.Hops {
			if h := r.Hops[i].Shown(); h != nil && (len(h.Certificates) == 0 || len(h.Certificates) > maxCertificates || len(h.Problems) > maxProblems) {
				t.Errorf("%s became %+v", b, h)
			}
		}
		if len(r.Hops) > maxServers || r.Success != (r.Reason == "") || r.Duration < 0 || len(r.Steps) > maxSteps || !r.Success && r.Err == nil {
			t.Errorf("%s became %+v", b, r)
		}
		_ = c.pass(a.Page, frame.NewSink(c.Families()))
	})
}
