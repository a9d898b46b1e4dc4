package app

import (
	"context"
	"fmt"
	"log/slog"
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
// whose file has another one by now. What the rule compares must be written
// alike by both: the fingerprint, and the names.
func TestCertificates_renewedButNotLoaded(t *testing.T) {
	t.Parallel()
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	names := []string{"www.ville.example", "*.ville.example", "127.0.0.1"}
	file, key := probetest.WritePair(t, root.Leaf(t, probetest.Spec{Name: "www.ville.example", Hosts: names}))
	port := testenv.Port(t)
	nginx := testenv.Nginx(t, fmt.Sprintf("server { listen 127.0.0.1:%d ssl; ssl_certificate %s; ssl_certificate_key %s; location / { return 200 ok; } }", port, file, key))

	inFile := func() [2]string {
		return identity(t, hostcertificates.New("/", hostcertificates.Config{Files: []string{file}}), "tocsin_host_certificate_info", file)
	}
	served := func() [2]string {
		p, err := probes.New(probes.Config{Target: fmt.Sprintf("https://127.0.0.1:%d", port), TLS: tlscheck.Config{CAFile: probetest.WritePEM(t, root)}}, probes.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return identity(t, p, "probe_ssl_last_chain_info", "")
	}
	if a, b := inFile(), served(); a != b || a[0] == "" {
		t.Fatalf("the file has %q, and %q is served", a, b)
	}

	newFile, newKey := probetest.WritePair(t, root.Leaf(t, probetest.Spec{Name: "www.ville.example", Hosts: names}))
	for from, to := range map[string]string{newFile: file, newKey: key} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := inFile(), served(); a[0] == b[0] || a[1] != b[1] {
		t.Fatalf("renewed, not loaded: the file has %q, and %q is served", a, b)
	}
	if err := nginx.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, 20*time.Second, "nginx serves the new one", func(context.Context) error {
		if a, b := inFile(), served(); a != b {
			return fmt.Errorf("the file has %q, and %q is served", a, b)
		}
		return nil
	})
}

// identity is the fingerprint and the names in a metric of a collector, of one
// file where it knows several: the machine may have more.
func identity(t *testing.T, c frame.Collector, name, file string) [2]string {
	t.Helper()
	target := frame.NewTarget(frame.Spec{Collectors: []frame.Entry{{Collector: c}}}, slog.New(slog.DiscardHandler))
	for _, f := range target.Gather(t.Context()) {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && label(m, "file") == file {
				return [2]string{label(m, "fingerprint_sha256"), label(m, "subjectalternative")}
			}
		}
	}
	t.Fatalf("no %s: %+v", name, target.States())
	return [2]string{}
}
