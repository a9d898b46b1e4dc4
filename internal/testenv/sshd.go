package testenv

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// SSHD runs OpenSSH's server on this port of 127.0.0.1 until the test ends,
// with a fresh host key of each type, as ed25519 and rsa; settings are more
// lines of its configuration. It returns the keys' fingerprints, as SHA256:…
// by type, once it listens.
func SSHD(t testing.TB, port int, settings string, types ...string) (*Process, map[string]string) {
	t.Helper()
	server := Program(t, "sshd", "openssh-server")
	keygen := Program(t, "ssh-keygen", "openssh-client")
	dir := t.TempDir()
	fingerprints := map[string]string{}
	conf := fmt.Sprintf("ListenAddress 127.0.0.1:%d\nPidFile none\nUsePAM no\nLogLevel VERBOSE\n%s\n", port, settings)
	for _, kind := range types {
		key := filepath.Join(dir, kind)
		for _, args := range [][]string{{"-q", "-t", kind, "-N", "", "-f", key}, {"-l", "-f", key}} {
			out, err := exec.CommandContext(t.Context(), keygen, args...).CombinedOutput()
			if err != nil {
				t.Fatalf("ssh-keygen: %v\n%s", err, out)
			}
			if fields := strings.Fields(string(out)); len(fields) > 1 {
				fingerprints[kind] = fields[1]
			}
		}
		conf += "HostKey " + key + "\n"
	}
	if os.Geteuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // its own wish
			t.Fatal(err)
		}
	}
	p := Start(t, server, "-D", "-e", "-f", write(t, dir, "sshd_config", conf))
	Eventually(t, httpPatience, "sshd listens", func(context.Context) error {
		if err := p.alive(); err != nil {
			return err
		}
		if !strings.Contains(p.Output(), "Server listening") {
			return fmt.Errorf("it said %q", p.Output())
		}
		return nil
	})
	return p, fingerprints
}
