package testenv

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// A Boxes is a Dovecot that runs for one test, and into which nobody can log in.
type Boxes struct {
	*Process
	IMAP, POP3, Sieve int // its ports on 127.0.0.1
}

// Dovecot runs Debian's Dovecot for IMAP, POP3 and ManageSieve until the test
// ends, with a certificate and key in files of PEM; without them it has no TLS.
// It needs root.
func Dovecot(t testing.TB, cert, key string) *Boxes {
	t.Helper()
	Root(t, "Dovecot gives up root's rights by itself")
	server := Program(t, "dovecot", "dovecot-imapd")
	Program(t, "/usr/lib/dovecot/pop3-login", "dovecot-pop3d")
	Program(t, "/usr/lib/dovecot/managesieve-login", "dovecot-managesieved")
	b := &Boxes{IMAP: Port(t), POP3: Port(t), Sieve: Port(t)}
	dir := ShortDir(t)
	chmod(t, dir, 0o755)
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "run"), 0o755), os.Mkdir(filepath.Join(dir, "state"), 0o755)); err != nil {
		t.Fatal(err)
	}
	tls := "ssl = no"
	if cert != "" {
		tls = fmt.Sprintf("ssl = yes\nssl_cert = <%s\nssl_key = <%s", cert, key)
	}
	conf := write(t, dir, "dovecot.conf", fmt.Sprintf(`
protocols = imap pop3 sieve
listen = 127.0.0.1
base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = /dev/stderr
%[2]s
passdb {
  driver = static
  args = nopassword=y nologin=y
}
service imap-login {
  chroot =
  inet_listener imap {
    port = %[3]d
  }
  inet_listener imaps {
    port = 0
  }
}
service pop3-login {
  chroot =
  inet_listener pop3 {
    port = %[4]d
  }
  inet_listener pop3s {
    port = 0
  }
}
service managesieve-login {
  chroot =
  inet_listener sieve {
    port = %[5]d
  }
}
service anvil {
  chroot =
}
`, dir, tls, b.IMAP, b.POP3, b.Sieve))
	b.Process = Start(t, server, "-F", "-c", conf)
	for _, port := range []int{b.IMAP, b.POP3, b.Sieve} {
		b.waitTCP(t, port)
	}
	return b
}
