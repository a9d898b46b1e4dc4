package testenv

import (
	"context"
	"fmt"
	"net"
	"testing"
)

// Kamailio runs a SIP server on this port of 127.0.0.1, by UDP and TCP, until
// the test ends; route is what it does with each request (its cookbook calls
// that request_route). It returns once it listens.
func Kamailio(t testing.TB, port int, route string) *Process {
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
listen=udp:127.0.0.1:%[1]d
listen=tcp:127.0.0.1:%[1]d
loadmodule "pv.so"
loadmodule "sl.so"
request_route {
	%[2]s
}
`, port, route))
	p := Start(t, server, "-f", conf, "-DD", "-E", "-m", "16", "-M", "4", "-w", dir, "-Y", dir, "-P", dir+"/pid")
	Eventually(t, httpPatience, "Kamailio listens", func(ctx context.Context) error {
		if err := p.alive(); err != nil {
			return err
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			err = conn.Close()
		}
		return err
	})
	return p
}
