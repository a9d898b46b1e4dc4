package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Caddy starts a real Caddy with these sites of a Caddyfile, and returns it once
// the port answers over TLS. It speaks HTTP/3, HTTP/2 and HTTP/1.1 there, asks
// nobody for certificates, and has no port for its administration.
func Caddy(t testing.TB, port int, sites string) *Process {
	t.Helper()
	program := Program(t, "caddy", "caddy")
	dir := t.TempDir()
	file := filepath.Join(dir, "Caddyfile")
	text := "{\n\tadmin off\n\tauto_https off\n}\n" + sites
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "run", "--config", file, "--adapter", "caddyfile")
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	p := StartCmd(t, cmd)
	WaitHTTP(t, fmt.Sprintf("https://127.0.0.1:%d/", port))
	return p
}
