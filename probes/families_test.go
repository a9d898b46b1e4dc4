package probes

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"tocsin/probes/probe"
)

// bothVersions serves on one port over IPv4 and IPv6, what each handler says;
// nil serves nothing there.
func bothVersions(t *testing.T, four, six http.Handler) (port string) {
	t.Helper()
	l4, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ = net.SplitHostPort(l4.Addr().String())
	l6, err := net.Listen("tcp6", "[::1]:"+port)
	if err != nil {
		t.Fatalf("IPv6 on the loopback interface: %v", err)
	}
	for l, h := range map[net.Listener]http.Handler{l4: four, l6: six} {
		if h == nil {
			_ = l.Close()
			continue
		}
		s := &httptest.Server{Listener: l, Config: &http.Server{Handler: h}} //nolint:gosec // a test's own server
		s.Start()
		t.Cleanup(s.Close)
	}
	return port
}

func TestBothVersions(t *testing.T) {
	broken := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	v4, v6 := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")
	for name, c := range map[string]struct {
		four, six http.Handler
		found     []netip.Addr
		reason    probe.Reason // of the page's own look
		phase     string
		version   float64 // of it
		want      map[string]float64
		lacks     []string
	}{
		"both work": {
			ok, ok,
			[]netip.Addr{v4, v6},
			"", "", 6,
			map[string]float64{`probe_ip_version_success{ip_version="4"}`: 1, `probe_ip_version_success{ip_version="6"}`: 1, `probe_ip_version_addresses{ip_version="6"}`: 1},
			[]string{"probe_ip_version_failure_info"},
		},
		"IPv6 is broken, and users come by IPv4": {
			ok, nil,
			[]netip.Addr{v4, v6},
			"", "", 4,
			map[string]float64{`probe_ip_version_success{ip_version="4"}`: 1, `probe_ip_version_success{ip_version="6"}`: 0, `probe_ip_version_failure_info{ip_version="6",reason="refused"}`: 1},
			nil,
		},
		"IPv4 is broken": {
			broken, ok,
			[]netip.Addr{v4, v6},
			"", "", 6,
			map[string]float64{`probe_ip_version_success{ip_version="4"}`: 0, `probe_ip_version_success{ip_version="6"}`: 1, `probe_ip_version_failure_info{ip_version="4",reason="status"}`: 1},
			nil,
		},
		"no AAAA is no fault": {
			ok, nil,
			[]netip.Addr{v4},
			"", "", 4,
			map[string]float64{`probe_ip_version_success{ip_version="4"}`: 1, `probe_ip_version_addresses{ip_version="6"}`: 0},
			[]string{`probe_ip_version_success{ip_version="6"}`},
		},
		"no A is no fault": {
			nil, ok,
			[]netip.Addr{v6},
			"", "", 6,
			map[string]float64{`probe_ip_version_success{ip_version="6"}`: 1, `probe_ip_version_addresses{ip_version="4"}`: 0},
			[]string{`probe_ip_version_success{ip_version="4"}`},
		},
		"both are broken": {
			nil, nil,
			[]netip.Addr{v4, v6},
			probe.Refused, "connect", 6,
			map[string]float64{`probe_ip_version_success{ip_version="4"}`: 0, `probe_ip_version_success{ip_version="6"}`: 0},
			nil,
		},
		"no address at all": {
			ok, ok, nil, probe.DNS, "resolve", 0,
			map[string]float64{`probe_ip_version_addresses{ip_version="4"}`: 0, `probe_ip_version_addresses{ip_version="6"}`: 0},
			[]string{"probe_ip_version_success"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			port := bothVersions(t, c.four, c.six)
			lookup := func(ctx, string) ([]netip.Addr, error) { return c.found, nil }
			r, page := look(t, Config{Target: "http://portail.example:" + port, IPVersion: BothVersions}, Options{Lookup: lookup})
			wantReason(t, r, page, c.reason, c.phase)
			page.wants(t, "probe_ip_protocol", c.version)
			fault := ""
			for series, value := range c.want {
				page.wants(t, series, value)
				if version, ok := strings.CutPrefix(series, `probe_ip_version_success{ip_version="`); ok && value == 0 {
					fault = "over IPv" + version[:1] + " it is not up: "
				}
			}
			if c.reason == "" {
				wantFault(t, &r, fault)
			}
			for _, series := range c.lacks {
				page.lacks(t, series)
			}
		})
	}
}

func TestIPVersion_isWrong(t *testing.T) {
	for target, want := range map[string]string{
		"https://192.0.2.1":       "ip_version: both is for names",
		"unix:///run/app.sock":    "ip_version: both means nothing",
		"mailtrip://mail.example": "ip_version: both means nothing for mailtrip://, whose look is made once",
		"zone://ville.example":    "both means nothing for zone://",
		"maildns://ville.example": "both means nothing for maildns://",
		"domain://ville.example":  "both means nothing for domain://",
		"dnsbl://mail.example":    "both means nothing for dnsbl://",
	} {
		_, err := New(Config{Target: target, IPVersion: BothVersions}, Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", target, err, want)
		}
	}
}
