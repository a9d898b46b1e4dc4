package web

import (
	"net/http"
	"strings"
	"testing"

	"tocsin/internal/web/status"
)

func TestProbePage_thoseThatThereAre(t *testing.T) {
	s := newSite(t, View{})
	if w := s.get("/probes/www"); w.Code != http.StatusNotFound {
		t.Errorf("where nothing is probed: %d %s", w.Code, w.Body)
	}
	s.options.Probe = func(name string) (*status.Probe, bool) {
		return &status.Probe{Instance: "https://www.ville.example"}, name == "www"
	}
	w := s.get("/probes/www")
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "https://www.ville.example") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "style-src 'sha256-") {
		t.Errorf("the page has not its style: %s", policy)
	}
	for _, path := range []string{"/probes/other", "/probes/", "/probes/www/x"} {
		if w := s.get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestProbePage_isMissedInTheSitesLanguage(t *testing.T) {
	s := newSite(t, View{Language: "fr"})
	s.options.Probe = func(string) (*status.Probe, bool) { return nil, false }
	for path, want := range map[string]string{"/probes/other": "aucune sonde de cette instance n’a ce nom", "/other": "il n’y a pas de telle page"} {
		if w := s.get(path); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestProbePage_isReadAsTheStatusPageIs(t *testing.T) {
	s := newSite(t, View{})
	classes := map[string]string{}
	for _, rt := range s.table() {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		classes[rt.name] = strings.Join(rt.methods, " ") + string(rune('0'+int(rt.class(r))))
	}
	if classes["probe_page"] != classes["status"] {
		t.Errorf("the page of a probe has %q, the status page %q", classes["probe_page"], classes["status"])
	}
}
