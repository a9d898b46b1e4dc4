package testenv

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
)

// A Chat is a Prosody that runs for one test. It serves the domain localhost.
type Chat struct {
	*Process
	Client, Server int // its ports on 127.0.0.1, for clients and for other servers
}

// Prosody runs Debian's Prosody until the test ends, with a certificate and key
// in PEM; without them it has no TLS.
func Prosody(t testing.TB, certificate, key string) *Chat {
	t.Helper()
	server := Program(t, "prosody", "prosody")
	c := &Chat{Client: Port(t), Server: Port(t)}
	home := folderOf(t, "prosody") // it refuses to run as root
	tls := "c2s_require_encryption = false; s2s_require_encryption = false; modules_disabled = { \"tls\" }"
	if certificate != "" {
		home.write(t, "server.pem", 0o600, certificate)
		home.write(t, "server.key", 0o600, key)
		tls = fmt.Sprintf("ssl = { certificate = %q, key = %q }", filepath.Join(home.path, "server.pem"), filepath.Join(home.path, "server.key"))
	}
	home.write(t, "prosody.cfg.lua", 0o600, fmt.Sprintf(`
interfaces = { "127.0.0.1" }
c2s_ports = { %d }
s2s_ports = { %d }
c2s_direct_tls_ports = {}
s2s_direct_tls_ports = {}
modules_enabled = { "saslauth", "tls", "dialback" }
data_path = %q
pidfile = %q
log = { { levels = { min = "info" }, to = "console" } }
%s
VirtualHost "localhost"
`, c.Client, c.Server, home.path, filepath.Join(home.path, "pid"), tls))
	run := exec.CommandContext(context.WithoutCancel(t.Context()), server, "-F", "--config", filepath.Join(home.path, "prosody.cfg.lua"))
	run.SysProcAttr, run.Dir = home.as, home.path
	c.Process = StartCmd(t, run)
	c.waitTCP(t, c.Client)
	c.waitTCP(t, c.Server)
	return c
}
