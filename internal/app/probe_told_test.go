package app

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tocsin/internal/problem"
	"tocsin/internal/web"
	"tocsin/probes/allow"
	"tocsin/probes/blackbox"
)

func TestAsTold_whatMayBeAsked(t *testing.T) {
	t.Parallel()
	var seen []string
	served := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { seen = append(seen, r.Method) }))
	t.Cleanup(served.Close)
	to := blackbox.Dial{Lookup: func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}}
	_, port, _ := strings.Cut(strings.TrimPrefix(served.URL, "http://"), ":")
	p := &probing{
		modules: blackbox.Read(problem.New(), "", nil), dial: to, unknown: func() {},
		allowed: allow.New([]string{"*.ville.example", "127.0.0.1"}, nil),
	}
	strict := &probing{modules: p.modules, dial: to, unknown: func() {}, allowed: allow.New([]string{"*.ville.example"}, nil)}
	for _, c := range []struct {
		name, target, entry string
		p                   *probing
		status              int
		text                string
	}{
		{"what is allowed", "http://www.ville.example:" + port, "timeout: 2s", p, http.StatusOK, `"success":true`},
		{"another host", "http://www.other.example", "timeout: 2s", p, http.StatusForbidden, "probe_allow: [www.other.example]"},
		{"an address within", "http://www.ville.example:" + port, "timeout: 2s", strict, http.StatusForbidden, `probe_allow: ["127.0.0.1"]`},
		{"what changes something", "http://www.ville.example:" + port, "method: POST", p, http.StatusBadRequest, "the entry cannot be taken: method cannot"},
		{"a file of this machine", "http://www.ville.example:" + port, "username: a\npassword_file: /etc/passwd", p, http.StatusBadRequest, "cannot be taken"},
		{"a port that is open", "tcp://www.ville.example:" + port, "expect: closed\ntimeout: 2s", p, http.StatusOK, `"reason":"port_open"`},
		{"a port that is closed", "tcp://www.ville.example:1", "expect: closed\ntimeout: 2s", p, http.StatusOK, `"success":true`},
		{"a port that may not be tried", "tcp://www.ville.example:1", "expect: closed\ntimeout: 2s", strict, http.StatusForbidden, `probe_allow: ["127.0.0.1"]`},
		{"who logs in", "ldap://www.ville.example", "username: cn=a\npassword: b", p, http.StatusBadRequest, "username and password cannot be taken"},
		{"who sends a mail", "mailtrip://www.ville.example", "timeout: 2s", p, http.StatusBadRequest, "mailtrip:// stays on this machine"},
		{"another server to ask", "zone://ville.example", "zone: {resolvers: [10.0.0.1]}", p, http.StatusBadRequest, "zone.resolvers cannot"},
		{"what costs more than a look", "http://www.ville.example:" + port, "header_grade: told", p, http.StatusBadRequest, "header_grade cannot"},
		{"another host's page", "http://www.ville.example:" + port, "journey: [{step: a, url: https://other.example}]", p, http.StatusBadRequest, "journey cannot"},
		{"no YAML", "http://www.ville.example:" + port, "{{{", p, http.StatusBadRequest, "the entry cannot be taken"},
	} {
		a := c.p.answer(t.Context(), web.ProbeQuery{Target: c.target, Entry: c.entry, JSON: true, Patience: 5 * time.Second})
		if text := a.Text + string(a.JSON); a.Status != c.status || !strings.Contains(text, c.text) {
			t.Errorf("%s: %d %s", c.name, a.Status, text)
		}
	}
	if len(seen) != 1 || seen[0] != http.MethodGet {
		t.Errorf("the service was asked %v", seen)
	}
	steps := "journey: [{step: home, url: /}, {step: there, url: 'http://www.ville.example:" + port + "/a', status: [200]}]"
	journey := p.answer(t.Context(), web.ProbeQuery{Target: "http://www.ville.example:" + port, Entry: steps, JSON: true, Patience: 5 * time.Second})
	if journey.Status != http.StatusOK || !strings.Contains(string(journey.JSON), `"success":true`) || len(seen) != 3 {
		t.Errorf("a journey that only reads: %d %s%s after %v", journey.Status, journey.Text, journey.JSON, seen)
	}
	page := p.answer(t.Context(), web.ProbeQuery{Target: "http://www.ville.example:" + port, Entry: "timeout: 2s", Patience: 5 * time.Second})
	account := p.answer(t.Context(), web.ProbeQuery{Target: "http://www.ville.example:" + port, Entry: "timeout: 2s", Debug: true, Patience: 5 * time.Second})
	if len(page.Families) < 10 || page.JSON != nil || !strings.Contains(account.Text, "UP after") {
		t.Errorf("a page of %d families; the account %q", len(page.Families), account.Text)
	}
}
