package logins

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/testenv"
)

const (
	old = "Nov  7 02:11:13 db1 "                  // rsyslog before Debian 12
	iso = "2026-11-27T02:11:13.123456+01:00 db1 " // and since
	bad = iso + "sshd[12]: Failed password for root from 192.0.2.7 port 22 ssh2\n"
)

func TestFailures_knowTheWords(t *testing.T) {
	for line, want := range map[string]string{
		old + "sshd[12]: Failed password for root from 192.0.2.7 port 22 ssh2":                                   "password 1",
		iso + "sshd-session[12]: Failed password for alice from 192.0.2.7 port 22 ssh2":                          "password 1",
		iso + "sshd[12]: Failed keyboard-interactive/pam for alice from 192.0.2.7 port 22 ssh2":                  "password 1",
		iso + "sshd[12]: message repeated 3 times: [ Failed password for root from 192.0.2.7 port 22 ssh2]":      "password 3",
		iso + "sshd[12]: Failed publickey for root from 192.0.2.7 port 22 ssh2: ED25519 SHA256:x":                "publickey 1",
		iso + "sshd[12]: Invalid user admin from 192.0.2.7 port 22":                                              "invalid_user 1",
		iso + "sshd[12]: Failed password for invalid user admin from 192.0.2.7 port 22 ssh2":                     " 0",
		iso + "sshd[12]: Failed none for invalid user admin from 192.0.2.7 port 22 ssh2":                         " 0",
		iso + "sudo:    alice : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls": "sudo 3",
		iso + "sudo: alice : 1 incorrect password attempt ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls":     "sudo 1",
		iso + "sudo: alice : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls":              "sudo 1",
		iso + "sudo: alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/echo x : user NOT in sudoers ; ":       " 0",
		iso + "su[12]: FAILED SU (to root) alice on pts/0":                                                       "su 1",
		iso + "sshd[12]: Accepted publickey for alice from 192.0.2.7 port 22 ssh2: ED25519 SHA256:x":             " 0",
		iso + "sshd[12]: Connection closed by invalid user Failed password for root 192.0.2.7 port 22 [preauth]": " 0",
		iso + "sshd[12]: message repeated -3 times: [ Failed password for root from 192.0.2.7 port 22 ssh2]":     " 0",
		iso + "other[12]: Failed password for root from 192.0.2.7 port 22 ssh2":                                  " 0",
		iso + "web: sshd[12]: Failed password for root from 192.0.2.7 port 22 ssh2":                              " 0",
		"": " 0", "sshd": " 0", iso: " 0", old + "sshd[12]:": " 0", "   ": " 0",
	} {
		kind, n := failures(line)
		if got := fmt.Sprint(kind, " ", n); kind == "" && got[1:] == want || got == want {
			continue
		}
		if kind == "" && want == " 0" {
			continue // whatever the number
		}
		t.Errorf("%s: %s %d, want %s", line, kind, n, want)
	}
}

// log is an auth.log that tests write to.
type log struct {
	t    *testing.T
	path string
}

func newLog(t *testing.T, content string) (log, string) {
	root := testenv.Tree(t, map[string]string{"var/log/auth.log": content})
	return log{t, filepath.Join(root, "var/log/auth.log")}, root
}

func (l log) write(text string) {
	l.t.Helper()
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Close())
	}
	l.ok(err)
}

func (l log) ok(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// passwords lets the collector run, and wants it to have counted that many.
func passwords(t *testing.T, c frame.Collector, want float64) {
	t.Helper()
	r := collectortest.Once(t, c)
	if r.Reason != "" || r.Samples["tocsin_host_authentication_failures_total{password}"] != want || r.Samples["tocsin_host_authentication_log_readable"] != 1 {
		t.Errorf("%s %s: %v; want %v", r.Reason, r.Err, r.Samples, want)
	}
}

func TestLogins_countWhatIsNew(t *testing.T) {
	l, root := newLog(t, bad+bad)
	c := New(root)
	passwords(t, c, 0)
	l.write(bad + iso + "sshd[12]: Invalid user admin from 192.0.2.7 port 22\n")
	passwords(t, c, 1)
	l.write(bad[:40]) // a line that is being written
	passwords(t, c, 1)
	l.write(bad[40:] + bad)
	passwords(t, c, 3)
	r := collectortest.Once(t, c)
	want := map[string]float64{
		"tocsin_host_authentication_failures_total{password}": 3, "tocsin_host_authentication_failures_total{invalid_user}": 1,
		"tocsin_host_authentication_failures_total{publickey}": 0, "tocsin_host_authentication_failures_total{sudo}": 0,
		"tocsin_host_authentication_failures_total{su}": 0, "tocsin_host_authentication_log_readable": 1,
	}
	if diff := cmp.Diff(want, r.Samples); diff != "" {
		t.Error(diff)
	}
}

func TestLogins_followALogThatIsTurned(t *testing.T) {
	l, root := newLog(t, bad)
	c := New(root)
	passwords(t, c, 0)
	l.write(bad + bad)
	l.ok(os.Rename(l.path, l.path+".1"))
	passwords(t, c, 2) // rsyslog has not written again
	l.write(bad)
	passwords(t, c, 3)
	l.write(bad)
	l.ok(os.Rename(l.path, l.path+".1"))
	l.write(bad)
	passwords(t, c, 5)
	l.ok(os.Remove(l.path + ".1"))
	l.write(bad)
	passwords(t, c, 6)
	l.ok(os.Truncate(l.path, 0)) // copytruncate
	l.write(bad)
	passwords(t, c, 7)
	l.ok(os.Rename(l.path, l.path+".2")) // gone without a trace
	l.write(bad)
	passwords(t, c, 8)
}

// A link to elsewhere, a folder or a pipe is not waited for.
func TestLogins_aLogThatIsNoFile(t *testing.T) {
	r := collectortest.Once(t, New(testenv.Tree(t, map[string]string{"var/log/auth.log/x": ""})))
	if r.Reason != frame.ReasonError || len(r.Samples) > 0 {
		t.Errorf("%s %s %v", r.Reason, r.Err, r.Samples)
	}
}

func TestLogins_readNoMoreThanTheyMayAtOnce(t *testing.T) {
	l, root := newLog(t, "")
	c := New(root)
	passwords(t, c, 0)
	n := maxRead/len(bad) + 10
	l.write(strings.Repeat(bad, n))
	passwords(t, c, float64(maxRead/len(bad)))
	passwords(t, c, float64(n))
	l.write(strings.Repeat("x", 3*maxLine) + bad)
	passwords(t, c, float64(n))
	l.write(strings.Repeat("y", 2*maxLine))
	passwords(t, c, float64(n))
	l.write(bad + bad)
	passwords(t, c, float64(n+1))
}

func TestLogins_whereTheyAreNotDetectedSayWhy(t *testing.T) {
	root := testenv.Tree(t, map[string]string{"run/log/journal/x": ""})
	c := New(root)
	r := collectortest.Once(t, c)
	aside := c.(frame.Asider).Aside()
	if !maps.Equal(r.Samples, map[string]float64{"tocsin_host_authentication_log_readable": 0}) || !strings.Contains(aside, "install rsyslog") {
		t.Errorf("%v %q", r.Samples, aside)
	}
	// rsyslog is installed: all that it writes is new
	log{t, filepath.Join(root, "var/log/auth.log")}.ok(os.MkdirAll(filepath.Join(root, "var/log"), 0o755))
	log{t, filepath.Join(root, "var/log/auth.log")}.write(bad)
	passwords(t, c, 1)
	if aside := c.(frame.Asider).Aside(); aside != "" {
		t.Errorf("it still leaves aside %q", aside)
	}
	if r := collectortest.Once(t, New(t.TempDir())); r.Reason != "" || len(r.Samples) > 0 {
		t.Errorf("a machine without logs: %s %v", r.Reason, r.Samples)
	}
}

func TestDirectory_answersOrNot(t *testing.T) {
	for name, test := range map[string]struct {
		nsswitch, settings, socket string
		listens                    bool
		want                       map[string]float64
	}{
		"SSSD answers":     {"passwd: files sss # x\n", "etc/sssd/sssd.conf", "var/lib/sss/pipes/nss", true, map[string]float64{"tocsin_host_directory_login_up{sss}": 1}},
		"SSSD is down":     {" passwd:\tsss files\n", "etc/sssd/sssd.conf", "var/lib/sss/pipes/nss", false, map[string]float64{"tocsin_host_directory_login_up{sss}": 0}},
		"SSSD is not used": {"passwd: files\ngroup: sss\n", "etc/sssd/sssd.conf", "var/lib/sss/pipes/nss", false, nil},
		"not set up":       {"passwd: files sss\n", "etc/x", "var/lib/sss/pipes/nss", false, nil},
		"nslcd answers":    {"passwd: files ldap\n", "etc/nslcd.conf", "run/nslcd/socket", true, map[string]float64{"tocsin_host_directory_login_up{ldap}": 1}},
		"nslcd is down":    {"passwd: files ldap\n", "etc/nslcd.conf", "run/nslcd/socket", false, map[string]float64{"tocsin_host_directory_login_up{ldap}": 0}},
		"noise":            {"\x00\xffpasswd\n::", "etc/nslcd.conf", "run/nslcd/socket", false, nil},
	} {
		root := testenv.ShortDir(t)
		for _, file := range []string{test.settings, "etc/nsswitch.conf", test.socket} {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		err := errors.Join(os.WriteFile(filepath.Join(root, "etc/nsswitch.conf"), []byte(test.nsswitch), 0o600), os.WriteFile(filepath.Join(root, test.settings), nil, 0o600))
		if err != nil {
			t.Fatal(err)
		}
		if test.listens {
			l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(root, test.socket))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
		}
		r := collectortest.Once(t, New(root))
		if test.want == nil {
			test.want = map[string]float64{}
		}
		if diff := cmp.Diff(test.want, r.Samples); diff != "" || r.Reason != "" {
			t.Errorf("%s: %s %s\n%s", name, r.Reason, r.Err, diff)
		}
	}
}

func TestLogins_conformance(t *testing.T) {
	_, root := newLog(t, bad)
	collectortest.Run(t, func(testing.TB) frame.Collector { return New(root) })
}

func FuzzFollow(f *testing.F) {
	f.Add([]byte(bad+old+"sudo: a : 3 incorrect password attempts ; x\n"), 30)
	f.Fuzz(func(t *testing.T, content []byte, at int) {
		var log follower
		read := []byte{}
		use := func(line []byte) {
			read = append(append(read, line...), '\n')
			if kind, n := failures(string(line)); kind != "" && n < 1 {
				t.Errorf("%q counts for %d", line, n)
			}
		}
		at = min(max(at, 0), len(content)) // what was written when it was first read
		for _, part := range [][]byte{content[:at], content} {
			if err := log.read(bytes.NewReader(part), int64(len(part)), use); err != nil {
				t.Fatal(err)
			}
		}
		// Each line that has ended came once.
		if want := content[:bytes.LastIndexByte(content, '\n')+1]; len(content) < maxLine && !bytes.Equal(want, read) {
			t.Errorf("read %q of %q", read, want)
		}
	})
}
