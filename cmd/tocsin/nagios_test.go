package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/testenv"
	"tocsin/probes/probetest"
)

// TestProbe_asAPlugin has a program of Nagios' own plugins run a probe as one:
// negate understands its exit code, passes on its line, and turns OK and
// CRITICAL round.
func TestProbe_asAPlugin(t *testing.T) {
	negate := testenv.Program(t, "negate", "monitoring-plugins-basic")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tocsin := filepath.Join(t.TempDir(), "tocsin") // by this name the test binary is the program, see TestMain
	if err := os.Symlink(self, tocsin); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	site := filepath.Join(t.TempDir(), "tocsin.yml")
	served := func(spec probetest.Spec) string {
		return probetest.HTTPS(t, root.Leaf(t, spec), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).URL
	}
	const day = 24 * time.Hour
	targets := map[string]string{
		"late": served(probetest.Spec{NotAfter: time.Now().Add(10 * day)}), "last": served(probetest.Spec{NotAfter: time.Now().Add(2 * day)}),
		"weak": served(probetest.Spec{Change: probetest.MustStaple}),
	}
	text := "probes:\n"
	for name, target := range targets {
		text += fmt.Sprintf("  - {name: %s, target: %q, ca_file: %q}\n", name, target, probetest.WritePEM(t, root))
	}
	if err := os.WriteFile(site, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		target string
		code   int
		line   string
	}{
		{server.URL, 0, "PROBE OK - " + server.URL + "/: status: the answer is 404 Not Found, not 2xx | time="}, // critical, turned round
		{"late", 1, "PROBE WARNING - " + targets["late"] + "/: the certificate of 127.0.0.1 has "},
		{"weak", 1, "PROBE WARNING - " + targets["weak"] + "/: up, but 127.0.0.1: the certificate demands an OCSP answer beside it"},
		{"last", 0, "PROBE OK - " + targets["last"] + "/: the certificate of 127.0.0.1 has "}, // critical, turned round
		{"gopher://x", 3, "PROBE UNKNOWN - gopher://x: not measured:"},
		{"--bogus", 3, "PROBE UNKNOWN - unknown flag --bogus"},
	} {
		cmd := exec.CommandContext(t.Context(), negate, "--substitute", "--timeout=30", tocsin, "probe", "--nagios", "--config="+site, c.target)
		out, _ := cmd.Output() // its code is looked at below
		if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.HasPrefix(string(out), c.line) {
			t.Errorf("%s: exit code %d and %q, want %d and %q", c.target, code, out, c.code, c.line)
		}
	}
}
