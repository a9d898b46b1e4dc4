package logins

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/frame/collectortest"
	"tocsin/internal/testenv"
)

// The real sshd is tried with a wrong password, a wrong key and a name that
// nobody has; the real rsyslog writes what it says.
func TestLogins_realServer(t *testing.T) {
	testenv.Root(t, "sshd and rsyslog run as root")
	root := testenv.ShortDir(t)
	path := filepath.Join(root, "var/log/auth.log")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	startRsyslog(t, root, path)
	c := New(root)
	collectortest.Once(t, c)

	folder := t.TempDir()
	keygen := testenv.Program(t, "ssh-keygen", "openssh-client")
	for _, key := range []string{"host", "user"} {
		if out, err := exec.CommandContext(t.Context(), keygen, "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(folder, key)).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	port := testenv.Port(t)
	said := filepath.Join(folder, "said")
	settings := fmt.Sprintf("ListenAddress 127.0.0.1:%d\nHostKey %s/host\nPermitRootLogin yes\nPasswordAuthentication yes\nUsePAM no\nLogLevel VERBOSE\nPidFile none\n", port, folder)
	if err := os.WriteFile(filepath.Join(folder, "config"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // its own wish
		t.Fatal(err)
	}
	testenv.Start(t, testenv.Program(t, "sshd", "openssh-server"), "-D", "-f", filepath.Join(folder, "config"), "-E", said)
	testenv.Eventually(t, time.Minute, "sshd listens", func(context.Context) error {
		b, err := os.ReadFile(said)
		if err == nil && !strings.Contains(string(b), "Server listening") {
			err = fmt.Errorf("it said %q", b)
		}
		return err
	})
	askpass := filepath.Join(folder, "askpass")
	if err := os.WriteFile(askpass, []byte("#!/bin/sh\necho wrong\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	try := func(args ...string) {
		cmd := exec.CommandContext(t.Context(), testenv.Program(t, "ssh", "openssh-client"), append(args, "-F", "none", "-p", fmt.Sprint(port), "-o", "StrictHostKeyChecking=no",
			"-o", "UserKnownHostsFile=/dev/null", "-o", "NumberOfPasswordPrompts=1", "-o", "IdentitiesOnly=yes", "127.0.0.1", "true")...)
		cmd.Env = append(os.Environ(), "SSH_ASKPASS="+askpass, "SSH_ASKPASS_REQUIRE=force")
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "Permission denied") {
			t.Errorf("ssh %v: %v\n%s", args, err, out)
		}
	}
	try("-l", "root", "-o", "PubkeyAuthentication=no")
	try("-l", "root", "-i", filepath.Join(folder, "user"), "-o", "PasswordAuthentication=no")
	try("-l", "nosuchuser", "-o", "PubkeyAuthentication=no")

	b, err := os.ReadFile(said)
	if err != nil {
		t.Fatal(err)
	}
	logger := testenv.Program(t, "logger", "bsdutils")
	for line := range strings.Lines(string(b)) {
		out, err := exec.CommandContext(t.Context(), logger, "-u", filepath.Join(root, "log"), "-p", "auth.info", "-t", "sshd", "--id=12", "--", strings.TrimSpace(line)).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	testenv.Eventually(t, time.Minute, "the attempts are counted", func(context.Context) error {
		r := collectortest.Once(t, c)
		for _, kind := range []string{kindPassword, kindPublicKey, kindInvalid} {
			if n := r.Samples["tocsin_host_authentication_failures_total{"+kind+"}"]; n != 1 {
				b, _ := os.ReadFile(path)
				return fmt.Errorf("%s: %v in\n%s", kind, n, b)
			}
		}
		return nil
	})
}

// startRsyslog runs one that writes what it gets at root/log as Debian's does.
func startRsyslog(t *testing.T, root, path string) {
	t.Helper()
	settings := filepath.Join(root, "rsyslog.conf")
	text := fmt.Sprintf("global(workDirectory=%q)\nmodule(load=\"imuxsock\" SysSock.Use=\"off\")\ninput(type=\"imuxsock\" Socket=%q)\nauth,authpriv.* %s\n", root, filepath.Join(root, "log"), path)
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	testenv.Start(t, testenv.Program(t, "rsyslogd", "rsyslog"), "-n", "-f", settings, "-i", filepath.Join(root, "pid"))
	testenv.Eventually(t, time.Minute, "rsyslog listens", func(context.Context) error {
		_, err := os.Stat(filepath.Join(root, "log"))
		return err
	})
}
