package testenv

import (
	"fmt"
	"os/user"
	"path/filepath"
	"testing"
)

// Proftpd runs Debian's ProFTPD on a port of 127.0.0.1 until the test ends. It
// greets with several lines. It has a certificate, its chain behind it, and its
// key in files of PEM; without them it does not even know the words for TLS.
func Proftpd(t testing.TB, port int, cert, key string) *Process {
	t.Helper()
	server := Program(t, "proftpd", "proftpd-core")
	tls := ""
	if cert != "" {
		module := File(t, "/usr/lib/proftpd/mod_tls.so", "proftpd-mod-crypto")
		tls = fmt.Sprintf(`ModulePath %[1]s
LoadModule mod_tls.c
TLSEngine on
TLSECCertificateFile %[2]s
TLSECCertificateKeyFile %[3]s
TLSCertificateChainFile %[2]s
TLSProtocol TLSv1.2 TLSv1.3`, filepath.Dir(module), cert, key)
	}
	me, group := account(t)
	dir := t.TempDir()
	greeting := write(t, dir, "greeting", "Welcome\n      to our files\n\n250 MB each\n")
	conf := write(t, dir, "proftpd.conf", fmt.Sprintf(`%s
ServerType standalone
DefaultAddress 127.0.0.1
Port %d
User %[5]s
Group %[6]s
ControlsEngine off
PidFile %[3]s/pid
ScoreboardFile %[3]s/scoreboard
DelayEngine off
UseReverseDNS off
SystemLog none
WtmpLog off
DisplayConnect %[4]s
`, tls, port, dir, greeting, me, group))
	p := Start(t, server, "-n", "-q", "-c", conf)
	p.waitTCP(t, port)
	return p
}

// account returns the names of the user and group that run the test, for
// servers that want to be told whom to be.
func account(t testing.TB) (name, group string) {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	g, err := user.LookupGroupId(me.Gid)
	if err != nil {
		t.Fatal(err)
	}
	return me.Username, g.Name
}
