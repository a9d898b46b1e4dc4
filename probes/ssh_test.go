package probes

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/testenv"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/sshprobe"
)

func keySeries(kind, fingerprint string) string {
	return fmt.Sprintf("probe_ssh_host_key_info{fingerprint=%q,type=%q}", fingerprint, kind)
}

// TestSSH_openssh looks at a real server with three keys, and at one whose
// keys were changed.
func TestSSH_openssh(t *testing.T) {
	port := testenv.Port(t)
	server, keys := testenv.SSHD(t, port, "", "ed25519", "ecdsa", "rsa")
	cfg := Config{Target: fmt.Sprintf("ssh://127.0.0.1:%d", port)}
	r, page := look(t, cfg, Options{})
	wantReason(t, r, page, "", "")
	for kind, name := range map[string]string{"ed25519": "ssh-ed25519", "ecdsa": "ecdsa-sha2-nistp256", "rsa": "ssh-rsa"} {
		page.wants(t, keySeries(name, keys[kind]), 1)
	}
	page.lacks(t, "probe_ssh_weak_algorithm_info")
	wantFault(t, &r, "")
	if !strings.Contains(strings.Join(page.sorted(), "\n"), `probe_ssh_server_info{software="OpenSSH_`) {
		t.Errorf("no version: %q", page.sorted())
	}

	cfg.SSH.Fingerprints = []string{keys["rsa"], keys["ecdsa"], keys["ed25519"]}
	r, page = look(t, cfg, Options{})
	wantReason(t, r, page, "", "")
	if log := server.Output(); strings.Contains(log, "Failed") || strings.Contains(log, "Invalid user") || strings.Contains(log, "fatal") || strings.Contains(log, "error") {
		t.Errorf("the server has written of more than connections: %s", log)
	}

	server.Stop()
	_, changed := testenv.SSHD(t, port, "", "ed25519", "ecdsa")
	r, page = look(t, cfg, Options{})
	wantReason(t, r, page, probe.HostKey, "processing")
	page.wants(t, keySeries("ssh-ed25519", changed["ed25519"]), 1)
	for _, word := range []string{changed["ed25519"], changed["ecdsa"], "not among fingerprints"} {
		if !strings.Contains(r.Explain(), word) {
			t.Errorf("it does not say %s: %s", word, r.Explain())
		}
	}
}

// TestSSH_weak looks at a real server that offers what is broken.
func TestSSH_weak(t *testing.T) {
	port := testenv.Port(t)
	testenv.SSHD(t, port, "KexAlgorithms diffie-hellman-group1-sha1,curve25519-sha256\nHostKeyAlgorithms ssh-rsa\nCiphers 3des-cbc,aes128-ctr\nMACs hmac-md5,hmac-sha2-256", "rsa")
	r, page := look(t, Config{Target: fmt.Sprintf("ssh://127.0.0.1:%d", port)}, Options{})
	wantReason(t, r, page, "", "")
	wantFault(t, &r, "weak, to be switched off: diffie-hellman-group1-sha1 (kex), ssh-rsa (host_key), 3des-cbc (cipher), hmac-md5 (mac)")
	for _, w := range [][2]string{{"kex", "diffie-hellman-group1-sha1"}, {"host_key", "ssh-rsa"}, {"cipher", "3des-cbc"}, {"mac", "hmac-md5"}} {
		page.wants(t, fmt.Sprintf("probe_ssh_weak_algorithm_info{algorithm=%q,kind=%q}", w[1], w[0]), 1)
	}
}

// TestSSH_weakAlone looks at one that offers nothing else.
func TestSSH_weakAlone(t *testing.T) {
	port := testenv.Port(t)
	testenv.SSHD(t, port, "KexAlgorithms diffie-hellman-group1-sha1\nHostKeyAlgorithms ssh-rsa\nCiphers 3des-cbc\nMACs hmac-sha1-96", "rsa")
	r, page := look(t, Config{Target: fmt.Sprintf("ssh://127.0.0.1:%d", port)}, Options{})
	wantReason(t, r, page, "", "")
	page.wants(t, `probe_ssh_weak_algorithm_info{algorithm="3des-cbc",kind="cipher"}`, 1)
}

func TestSSH_bad(t *testing.T) {
	for _, c := range []struct {
		name   string
		talk   func(net.Conn)
		reason probe.Reason
		says   string
	}{
		{"silent", probetest.Hang, probe.Timeout, "exchanging keys"},
		{"half a version", says("SS"), probe.Timeout, ""},
		{"a version and no more", says("SSH-2.0-x\r\n"), probe.Timeout, "exchanging keys"},
		{"closes", func(net.Conn) {}, probe.Reset, ""},
		{"HTTP", says("HTTP/1.1 400 Bad Request\r\n\r\n"), probe.Protocol, `begins with "HTTP/1.1`},
		{"text without an end", says("login: "), probe.Protocol, `begins with "login: "`},
		{"another version", says("SSH-1.5-old\r\n"), probe.Protocol, ""},
		{"nonsense after it", says("SSH-2.0-x\r\n" + strings.Repeat("\xff", 64)), probe.Protocol, ""},
		{"lines for ever", func(c net.Conn) {
			for {
				if _, err := fmt.Fprint(c, strings.Repeat("x", 200)+"\r\n"); err != nil {
					return
				}
			}
		}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, page := look(t, Config{Target: "ssh://" + probetest.TCP(t, c.talk), Timeout: model.Duration(2 * time.Second)}, Options{})
			if c.reason == "" { // whichever bound comes first
				c.reason = r.Reason
				if r.Success || r.Reason == "" || r.Reason == probe.Timeout {
					t.Errorf("the reason is %q: %v", r.Reason, r.Err)
				}
			}
			wantReason(t, r, page, c.reason, "processing")
			if !strings.Contains(r.Explain(), c.says) {
				t.Errorf("it says %q, not %q", r.Explain(), c.says)
			}
		})
	}
}

// TestSSH_another has servers that say at once that they speak another
// protocol, and then wait, as they do: it is told at once.
func TestSSH_another(t *testing.T) {
	t.Parallel()
	for begin, says := range map[string]string{
		"220 mail.ville.example ESMTP\r\n": `begins with "220 mail.ville.example ESMTP\r\n", as SMTP or FTP does`,
		"220-mail\r\n":                     "SMTP or FTP",
		"HTTP/1.1 400 Bad Request\r\n\r\n": "as HTTP does",
		"* OK IMAP4rev1\r\n":               "as IMAP does",
		"+OK ready\r\n":                    "as POP3 does",
		"\x15\x03\x01\x00\x02\x02\x46":     "as TLS does",
		"\xff\xfd\x18":                     "as Telnet does",
		"J\x00\x00\x00\n8.0.36":            `begins with "J\x00`,
		strings.Repeat("hello\r\n", 30):    "does not speak SSH",
	} {
		t.Run(fmt.Sprintf("%.6q", begin), func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			r, page := look(t, Config{Target: "ssh://" + probetest.TCP(t, func(c net.Conn) {
				_, _ = c.Write([]byte(begin))
				probetest.Hang(c)
			}), Timeout: model.Duration(19 * time.Second)}, Options{})
			wantReason(t, r, page, probe.Protocol, "processing")
			if !strings.Contains(r.Explain(), says) {
				t.Errorf("it says %q, not %q", r.Explain(), says)
			}
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// TestSSH_linesBefore looks at a real server whose version comes after lines of
// something before it, as RFC 4253 allows, and at one that says a line and waits.
func TestSSH_linesBefore(t *testing.T) {
	t.Parallel()
	port := testenv.Port(t)
	testenv.SSHD(t, port, "", "ed25519")
	target := "ssh://" + probetest.TCP(t, func(c net.Conn) {
		fmt.Fprint(c, "You are welcome.\r\n2200 hosts are here\r\n")
		behind, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return
		}
		defer behind.Close()
		go func() {
			_, _ = io.Copy(behind, c)
			_ = behind.Close()
		}()
		_, _ = io.Copy(c, behind)
	})
	r, page := look(t, Config{Target: target}, Options{})
	wantReason(t, r, page, "", "")

	began := time.Now()
	r, page = look(t, Config{Target: "ssh://" + probetest.TCP(t, func(c net.Conn) {
		fmt.Fprint(c, "You are welcome.\r\n")
		probetest.Hang(c)
	}), Timeout: model.Duration(19 * time.Second)}, Options{})
	wantReason(t, r, page, probe.Protocol, "processing")
	if took := time.Since(began); took > 12*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestSSH_badConfig(t *testing.T) {
	const want = `probes[0].ssh.fingerprints[0]: is no fingerprint; write one as SHA256: and 43 characters, as ssh-keyscan HOST | ssh-keygen -lf - prints them`
	wantsWrong(t, []wrongEntry{
		{`- {target: ssh://a.example, ssh: {fingerprints: ["MD5:aa:bb"]}}`, want},
		{`- {target: ssh://a.example, ssh: {fingerprints: ["SHA256:abc"]}}`, want},
		{`- {target: "ssh://root@a.example"}`, `probes[0].target: has a user or a password in it; take them out, and write username and password_file beside target`},
		{`- {target: ssh://a.example, server_name: a.example}`, `probes[0].server_name: means nothing with ssh://, which speaks no TLS; take it out`},
	})
	wantsRight(t, `- {target: ssh://db1.ville.example, ssh: {fingerprints: ["SHA256:uNiVztksCsDhcc0u9e8BrB7Wz8b4tVzQ8QGzT9Bd8gM"]}}`)
	if c := (&Config{Target: "ssh://a.example", SSH: sshprobe.Config{}}); c.Dear() != 5*time.Minute {
		t.Errorf("it is looked at every %v", c.Dear())
	}
}
