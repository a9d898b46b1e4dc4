package testenv

import (
	"fmt"
	"testing"
)

// Vsftpd runs Debian's vsftpd on a port of 127.0.0.1, as whoever runs the test,
// until the test ends. Nobody can log in. It has a certificate and key in files
// of PEM; without them it has no TLS.
func Vsftpd(t testing.TB, port int, cert, key string) *Process {
	t.Helper()
	server := Program(t, "vsftpd", "vsftpd")
	tls := "ssl_enable=NO"
	if cert != "" {
		tls = fmt.Sprintf("ssl_enable=YES\nrsa_cert_file=%s\nrsa_private_key_file=%s\nssl_ciphers=HIGH", cert, key)
	}
	// It takes no comment and no space around the equal sign.
	conf := write(t, t.TempDir(), "vsftpd.conf", fmt.Sprintf(`listen=YES
listen_address=127.0.0.1
listen_port=%d
background=NO
run_as_launching_user=YES
anonymous_enable=YES
local_enable=NO
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
xferlog_enable=NO
%s
`, port, tls))
	p := Start(t, server, conf)
	p.waitTCP(t, port)
	return p
}
