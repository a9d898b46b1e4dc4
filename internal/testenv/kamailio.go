package testenv

import (
	"fmt"
	"testing"
	"time"
)

// Kamailio runs a SIP server on this port of 127.0.0.1, by UDP and TCP, until
// the test ends; route is what it does with each request (its cookbook calls
// that request_route). It returns once it listens.
func Kamailio(t testing.TB, port int, route string) *Process {
	t.Helper()
	return kamailio(t, port, fmt.Sprintf(`listen=udp:127.0.0.1:%[1]d
listen=tcp:127.0.0.1:%[1]d`, port), route)
}

// KamailioTLS is Kamailio by TLS alone, of its own module, with a certificate
// and key in files of PEM; method is which versions it speaks, as TLSv1.2+.
func KamailioTLS(t testing.TB, port int, cert, key, method, route string) *Process {
	t.Helper()
	File(t, "/usr/lib/*/kamailio/modules/tls.so", "kamailio-tls-modules")
	return kamailio(t, port, fmt.Sprintf(`enable_tls=yes
listen=tls:127.0.0.1:%d
loadmodule "tls.so"
modparam("tls", "certificate", "%s")
modparam("tls", "private_key", "%s")
modparam("tls", "tls_method", "%s")`, port, cert, key, method), route)
}

func kamailio(t testing.TB, port int, listen, route string) *Process {
	t.Helper()
	server := Program(t, "kamailio", "kamailio")
	dir := t.TempDir()
	conf := write(t, dir, "kamailio.cfg", fmt.Sprintf(`#!KAMAILIO
debug=1
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
dns=no
rev_dns=no
%s
loadmodule "pv.so"
loadmodule "sl.so"
request_route {
	%s
}
`, listen, route))
	p := Start(t, server, "-f", conf, "-DD", "-E", "-m", "16", "-M", "4", "-w", dir, "-Y", dir, "-P", dir+"/pid")
	p.grace = 2 * time.Second // with TLS it now and then hangs in its end; it keeps nothing
	p.waitTCP(t, port)
	return p
}
