package testenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// What the mail servers of MailServers know.
const (
	MailDomain   = "asso.example"
	MailUser     = "sonde@asso.example" // has a mailbox, and may log in with MailPassword
	MailPassword = "correct horse+battery"
	MailOther    = "autre@asso.example" // the same
	// Recipients with a fate of their own.
	MailVoid = "void@asso.example" // is taken, and thrown away
	MailGrey = "grey@asso.example" // is greylisted: 450 4.2.0
	MailFull = "full@asso.example" // is refused for now: 452 4.2.2
	// mailOwner owns the mailboxes; no account needs to have it.
	mailOwner = 5000
)

// Mail is Postfix and Dovecot, which share their mailboxes and accounts.
type Mail struct {
	Dir              string // theirs; boxes/ADDRESS are the mailboxes, as Maildir
	Postfix, Dovecot *Process

	SMTP       int // as port 25: STARTTLS, no login, own recipients only
	Submission int // as 587: STARTTLS before all else, then a login
	SMTPS      int // as 465: TLS at once, then a login
	Careless   int // as 25, where a password may be sent without TLS, and mail to anybody is taken
	IMAP       int // as 143: STARTTLS
	IMAPS      int // as 993: TLS at once
}

// MailServers runs Postfix and Dovecot until the test ends, on this machine
// alone, with a certificate and key in files of PEM. They need root.
func MailServers(t testing.TB, cert, key string) *Mail {
	t.Helper()
	Root(t, "Postfix and Dovecot give up root's rights by themselves")
	Program(t, "postfix", "postfix")
	Program(t, "dovecot", "dovecot-imapd")
	dir := ShortDir(t)
	m := &Mail{Dir: dir, SMTP: Port(t), Submission: Port(t), SMTPS: Port(t), Careless: Port(t), IMAP: Port(t), IMAPS: Port(t)}
	for _, sub := range []string{"", "etc", "queue", "data", "boxes", "run", "state"} {
		path := filepath.Join(dir, sub)
		if err := errors.Join(os.MkdirAll(path, 0o755), os.Chmod(path, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(filepath.Join(dir, "boxes"), mailOwner, mailOwner); err != nil {
		t.Fatal(err)
	}
	m.startDovecot(t, cert, key)
	m.startPostfix(t, cert, key)
	return m
}

func (m *Mail) startDovecot(t testing.TB, cert, key string) {
	t.Helper()
	const secret = ":{PLAIN}" + MailPassword + "\n"
	write(t, m.Dir, "etc/users", MailUser+secret+MailOther+secret)
	chmod(t, filepath.Join(m.Dir, "etc/users"), 0o644)
	conf := write(t, m.Dir, "etc/dovecot.conf", fmt.Sprintf(`
protocols = imap
listen = 127.0.0.1
base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = /dev/stderr
ssl = required
ssl_cert = <%[2]s
ssl_key = <%[3]s
mail_location = maildir:%[1]s/boxes/%%u
first_valid_uid = %[4]d
auth_mechanisms = plain login
passdb {
  driver = passwd-file
  args = scheme=PLAIN %[1]s/etc/users
}
userdb {
  driver = static
  args = uid=%[4]d gid=%[4]d home=%[1]s/boxes/%%u
}
service imap-login {
  chroot =
  inet_listener imap {
    port = %[5]d
  }
  inet_listener imaps {
    port = %[6]d
    ssl = yes
  }
}
service auth {
  unix_listener %[1]s/auth {
    mode = 0666
  }
}
service anvil {
  chroot =
}
namespace inbox {
  inbox = yes
  mailbox Junk {
    auto = subscribe
    special_use = \Junk
  }
}
`, m.Dir, cert, key, mailOwner, m.IMAP, m.IMAPS))
	m.Dovecot = Start(t, Program(t, "dovecot", "dovecot-imapd"), "-F", "-c", conf)
	m.listens(t, m.Dovecot, m.IMAP, m.IMAPS)
}

func (m *Mail) startPostfix(t testing.TB, cert, key string) {
	t.Helper()
	owner, err := user.Lookup("postfix")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(owner.Uid)
	if err := os.Chown(filepath.Join(m.Dir, "data"), uid, -1); err != nil {
		t.Fatal(err)
	}
	write(t, m.Dir, "etc/boxes", MailUser+" "+MailUser+"/\n"+MailOther+" "+MailOther+"/\n"+MailVoid+" void/\n"+MailGrey+" grey/\n"+MailFull+" full/\n")
	write(t, m.Dir, "etc/transport", MailVoid+" discard:\n")
	write(t, m.Dir, "etc/access", MailGrey+" 450 4.2.0 Greylisted, see http://postgrey.schweikert.ch/help/asso.example.html\n"+MailFull+" 452 4.2.2 Mailbox full\n")
	write(t, m.Dir, "etc/main.cf", fmt.Sprintf(`
compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
maillog_file = /dev/stdout
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.%[5]s
mydestination =
mynetworks =
local_recipient_maps =
alias_maps =
virtual_mailbox_domains = %[5]s
virtual_mailbox_base = %[1]s/boxes
virtual_mailbox_maps = texthash:%[1]s/etc/boxes
virtual_uid_maps = static:%[4]d
virtual_gid_maps = static:%[4]d
transport_maps = texthash:%[1]s/etc/transport
smtpd_peername_lookup = no
smtpd_tls_cert_file = %[2]s
smtpd_tls_key_file = %[3]s
smtpd_tls_security_level = may
smtpd_sasl_type = dovecot
smtpd_sasl_path = %[1]s/auth
smtpd_tls_auth_only = yes
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access texthash:%[1]s/etc/access
smtpd_error_sleep_time = 0
smtpd_client_connection_rate_limit = 0
`, m.Dir, cert, key, mailOwner, MailDomain))
	write(t, m.Dir, "etc/master.cf", fmt.Sprintf(`
127.0.0.1:%d inet n - n - - smtpd
127.0.0.1:%d inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
127.0.0.1:%d inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
127.0.0.1:%d inet n - n - - smtpd
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_tls_auth_only=no
  -o mynetworks=127.0.0.0/8
  -o smtpd_relay_restrictions=permit_mynetworks,reject_unauth_destination
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
showq unix n - n - - showq
postlog unix-dgram n - n - 1 postlogd
`, m.SMTP, m.Submission, m.SMTPS, m.Careless))
	for _, name := range []string{"etc", "etc/boxes", "etc/transport", "etc/access", "etc/main.cf", "etc/master.cf"} {
		chmod(t, filepath.Join(m.Dir, name), 0o755)
	}
	// check makes the folders of the queue.
	if out, err := exec.Command("postfix", "-c", filepath.Join(m.Dir, "etc"), "check").CombinedOutput(); err != nil {
		t.Fatalf("postfix check: %v: %s", err, out)
	}
	m.Postfix = Start(t, "/usr/lib/postfix/sbin/master", "-c", filepath.Join(m.Dir, "etc"), "-d")
	m.listens(t, m.Postfix, m.SMTP, m.Submission, m.SMTPS, m.Careless)
}

func chmod(t testing.TB, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func (m *Mail) listens(t testing.TB, p *Process, ports ...int) {
	t.Helper()
	for _, port := range ports {
		Eventually(t, httpPatience, fmt.Sprintf("port %d listens", port), func(ctx context.Context) error {
			if err := p.alive(); err != nil {
				return err
			}
			d := net.Dialer{Timeout: time.Second}
			conn, err := d.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				return err
			}
			return conn.Close()
		})
	}
}
