package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tocsin/internal/config"
)

// TestPlaces_downFromSomeAndDownFromAll has a hub and three other instances,
// real ones. One of them is reached through a network in which the service is
// elsewhere; one does not allow what it is asked for.
func TestPlaces_downFromSomeAndDownFromAll(t *testing.T) {
	t.Parallel()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "bienvenue") }))
	t.Cleanup(service.Close)
	closed := httptest.NewServer(nil)
	closed.Close()

	par1 := newInstance(t, "par1", "engine: off\nprobe_allow: [127.0.0.1]\n")
	lyon := newInstance(t, "lyon", "engine: off\nprobe_allow: [127.0.0.1]\n")
	brest := newInstance(t, "brest", "engine: off\n")
	for _, in := range []*instance{par1, lyon, brest} {
		in.start()
	}
	// As seen from lyon the service's address leads to where nothing listens.
	other := behind(t, lyon, map[string]string{service.URL: closed.URL})

	hub := newInstance(t, "hub", "")
	site, err := config.LoadWith(hub.config, config.Flags{})
	if err != nil {
		t.Fatal(err)
	}
	hub.write(fmt.Sprintf(`
language: en
hosts:
  - {name: par1, address: %q}
  - {name: lyon, address: %q}
  - {name: brest, address: %q}
probes:
  - {target: %q, name: www, from: [%q, par1, lyon, brest], interval: 1s, timeout: 900ms}
`, par1.address, other, brest.address, service.URL, site.HostName()))
	hub.start()

	up := func(from string) string {
		return newest(hub, fmt.Sprintf("probe_success{job=%q,from=%q}", "probe", from))
	}
	known := func() string {
		return fmt.Sprintf("hub %s, par1 %s, lyon %s, brest %s", up(site.HostName()), up("par1"), up("lyon"), up("brest"))
	}
	eventually(t, 40*time.Second, "each place says what it sees", known, func() bool {
		return up(site.HostName()) == "1" && up("par1") == "1" && up("lyon") == "0" &&
			newest(hub, `tocsin_collector_success{collector="elsewhere",from="brest"}`) == "0"
	})
	firing := func(rule string) string { return newest(hub, fmt.Sprintf("count(ALERTS{alertname=%q})", rule)) }
	eventually(t, 20*time.Second, "from one place is another alert than from all", known, func() bool {
		return firing("ProbeFailingSomewhere") == "1"
	})
	if up("brest") != "" || firing("ProbeFailing") != "" {
		t.Errorf("what was refused counts as down: %s", known())
	}
	page := hub.get("/probes/www")
	for _, want := range []string{
		"Down from 1 of 4 places", "1 place could not look.", "From par1", "From lyon", "connection refused",
		"probe_allow: [&#34;127.0.0.1&#34;]",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the probe's page does not say %q:\n%s", want, page)
		}
	}
	if list := hub.get("/"); !contains(list, `<a href="probes/www">`, "seen from <bdi>par1</bdi>", "seen from <bdi>brest</bdi>") {
		t.Errorf("the status page does not tell the places apart:\n%s", list)
	}

	service.Close()
	eventually(t, 90*time.Second, "down from everywhere is one alert, that says so", func() string { return known() + hub.get("/") }, func() bool {
		return strings.Contains(hub.get("/"), service.URL+"/ fails from everywhere (3 of 4 places): the connection is refused") ||
			strings.Contains(hub.get("/"), service.URL+" fails from everywhere (3 of 4 places): the connection is refused")
	})
	eventually(t, 20*time.Second, "the alert about some places is over", known, func() bool { return firing("ProbeFailingSomewhere") == "" })
}
