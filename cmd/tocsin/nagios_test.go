package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/internal/testenv"
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
	for _, c := range []struct {
		target string
		code   int
		line   string
	}{
		{server.URL, 0, "PROBE OK - " + server.URL + "/: status: the answer is 404 Not Found, not 2xx | time="}, // critical, turned round
		{"gopher://x", 3, "PROBE UNKNOWN - gopher://x: not measured:"},
	} {
		cmd := exec.CommandContext(t.Context(), negate, "--substitute", "--timeout=30", tocsin, "probe", "--nagios", c.target)
		out, _ := cmd.Output() // its code is looked at below
		if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.HasPrefix(string(out), c.line) {
			t.Errorf("%s: exit code %d and %q, want %d and %q", c.target, code, out, c.code, c.line)
		}
	}
}
