package web

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/frame"
	"tocsin/internal/sd"
)

func groups(t *testing.T, w *httptest.ResponseRecorder) []sd.Group {
	t.Helper()
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("/sd answered %d, %s: %s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	var list []sd.Group
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestDiscovery_listsEveryTarget(t *testing.T) {
	node := frame.NewTarget(frame.Spec{
		Job: "node", ID: "host1", Instance: "host1", Interval: 5 * time.Second, Timeout: 10 * time.Second,
		Labels: map[string]string{"host": "host1", "from": "host1"},
	}, quiet())
	probing := constant("probe", "probe_success", 1)
	probe := frame.NewTarget(frame.Spec{
		Job: "probe", ID: "www", Instance: "https://www.ville.example", Interval: 30 * time.Second,
		Timeout: 4500 * time.Millisecond,
		// Labels that steer are the target's own, whatever a file says.
		Labels:     map[string]string{"level": "sensible", "job": "other", "__metrics_path__": "/-/reload"},
		Collectors: []frame.Entry{{Collector: probing}},
	}, quiet())
	s := newSite(t, View{Node: node, Targets: []*frame.Target{probe}})
	want := []sd.Group{
		{Targets: []string{"127.0.0.1:10617"}, Labels: map[string]string{
			"__metrics_path__": "/metrics", "__scrape_interval__": "5s", "__scrape_timeout__": "5s",
			"job": "node", "instance": "host1", "host": "host1", "from": "host1",
		}},
		{Targets: []string{"127.0.0.1:10617"}, Labels: map[string]string{
			"__metrics_path__": "/metrics/probe/www", "__scrape_interval__": "30s", "__scrape_timeout__": "4s500ms",
			"job": "probe", "instance": "https://www.ville.example", "level": "sensible",
		}},
	}
	if diff := cmp.Diff(want, groups(t, s.get("/sd"))); diff != "" {
		t.Error(diff)
	}
	if probe.Spec().Labels["job"] != "other" {
		t.Error("the target's own labels were changed")
	}
}

func TestDiscovery_emptyIsAList(t *testing.T) {
	if body := newSite(t, View{}).get("/sd").Body.String(); body != "[]\n" {
		t.Errorf("%q", body)
	}
}

func TestDiscovery_address(t *testing.T) {
	for _, c := range []struct{ advertise, host, want string }{
		{"", "db1.ville.example:10617", "db1.ville.example:10617"},
		{"", "db1", "db1"},
		{"", "[2001:db8::1]:10617", "[2001:db8::1]:10617"},
		{"", "", "10.0.0.5:10617"},
		{"guet.ville.example:443", "db1:10617", "guet.ville.example:443"},
		{"", "a/../b:1", ""},
		{"", "user@a:1", ""},
		{"", "a:http", ""},
		{"", ":10617", ""},
		{"", `a"b`, ""},
	} {
		s := newSite(t, View{Advertise: c.advertise, Node: target("node", "n", constant("c", "node_x", 1))})
		r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/sd", nil)
		r.Host = c.host
		w := s.do(over(r, "10.0.0.5"))
		if c.want == "" {
			if w.Code != http.StatusBadRequest {
				t.Errorf("Host %q: %d %s", c.host, w.Code, w.Body)
			}
			continue
		}
		if got := groups(t, w)[0].Targets; !cmp.Equal(got, []string{c.want}) {
			t.Errorf("advertise %q, Host %q: %v", c.advertise, c.host, got)
		}
	}
}
