package testenv

import (
	"fmt"
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
	dir := t.TempDir()
	greeting := write(t, dir, "greeting", "Welcome\n      to our files\n\n250 MB each\n")
	conf := write(t, dir, "proftpd.conf", fmt.Sprintf(`%s
ServerType standalone
DefaultAddress 127.0.0.1
Port %d
PidFile %[3]s/pid
ScoreboardFile %[3]s/scoreboard
DelayEngine off
UseReverseDNS off
SystemLog none
WtmpLog off
DisplayConnect %[4]s
`, tls, port, dir, greeting))
	p := Start(t, server, "-n", "-q", "-c", conf)
	p.waitTCP(t, port)
	return p
}
