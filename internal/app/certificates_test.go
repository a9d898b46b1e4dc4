package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"syscall"
	"testing"
	"time"

	hostcertificates "tocsin/exporters/host/certificates"
	"tocsin/internal/frame"
	"tocsin/internal/testenv"
	"tocsin/probes"
	"tocsin/probes/probetest"
	"tocsin/probes/tlscheck"
)

// TestCertificates_renewedButNotLoaded has a real nginx serve a certificate
// whose file has another one by now, with a name more. What the rule compares
// must be written alike by both: the fingerprint, the name asked, the dates.
func TestCertificates_renewedButNotLoaded(t *testing.T) {
	t.Parallel()
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	names := []string{"www.ville.example", "*.ville.example", "127.0.0.1"}
	file, key := probetest.WritePair(t, root.Leaf(t, probetest.Spec{Name: "www.ville.example", Hosts: names}))
	port := testenv.Port(t)
	nginx := testenv.Nginx(t, fmt.Sprintf("server { listen 127.0.0.1:%d ssl; ssl_certificate %s; ssl_certificate_key %s; location / { return 200 ok; } }", port, file, key))

	inFile := func() map[string]string {
		c := hostcertificates.New("/", hostcertificates.Config{Files: []string{file}})
		all := series(t, c, "tocsin_host_certificate_info", "file", file)
		begins := series(t, c, "tocsin_host_certificate_name_not_before_timestamp_seconds", "file", file, "covers", "127.0.0.1")
		return map[string]string{"fingerprint": all["fingerprint_sha256"], "name": begins["covers"], "begins": begins["value"]}
	}
	served := func() map[string]string {
		p, err := probes.New(probes.Config{Target: fmt.Sprintf("https://127.0.0.1:%d", port), TLS: tlscheck.Config{CAFile: probetest.WritePEM(t, root)}}, probes.Options{})
		if err != nil {
			t.Fatal(err)
		}
		all := series(t, p, "probe_hop_certificate_info", "hop", "0")
		begins := series(t, p, "probe_hop_certificate_not_before_timestamp_seconds", "hop", "0", "server", all["server"])
		return map[string]string{"fingerprint": all["fingerprint_sha256"], "name": all["asked"], "begins": begins["value"]}
	}
	if a, b := inFile(), served(); !maps.Equal(a, b) || a["fingerprint"] == "" || a["name"] == "" {
		t.Fatalf("the file has %q, and %q is served", a, b)
	}

	newFile, newKey := probetest.WritePair(t, root.Leaf(t, probetest.Spec{
		Name: "www.ville.example", Hosts: append(names, "api.ville.example"), NotBefore: time.Now().Add(-time.Minute),
	}))
	for from, to := range map[string]string{newFile: file, newKey: key} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := inFile(), served(); a["fingerprint"] == b["fingerprint"] || a["name"] != b["name"] || a["begins"] <= b["begins"] {
		t.Fatalf("renewed, not loaded: the file has %q, and %q is served", a, b)
	}
	if err := nginx.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, 20*time.Second, "nginx serves the new one", func(context.Context) error {
		if a, b := inFile(), served(); !maps.Equal(a, b) {
			return fmt.Errorf("the file has %q, and %q is served", a, b)
		}
		return nil
	})
}

// series returns the labels of a series that has the given ones, and its value
// under "value".
func series(t *testing.T, c frame.Collector, name string, with ...string) map[string]string {
	t.Helper()
	target := frame.NewTarget(frame.Spec{Collectors: []frame.Entry{{Collector: c}}}, slog.New(slog.DiscardHandler))
	for _, f := range target.Gather(t.Context()) {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			all := map[string]string{"value": fmt.Sprintf("%.0f", m.GetGauge().GetValue())}
			for _, l := range m.GetLabel() {
				all[l.GetName()] = l.GetValue()
			}
			fits := true
			for i := 0; i+1 < len(with); i += 2 {
				fits = fits && all[with[i]] == with[i+1]
			}
			if fits {
				return all
			}
		}
	}
	t.Fatalf("no %s: %+v", name, target.States())
	return nil
}
