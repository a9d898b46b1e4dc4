package testenv

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// Ports given out lie below Linux's range for outgoing connections (32768 and
// up), one of which could otherwise take the port before the server does.
const (
	firstPort = 12000
	lastPort  = 32767
)

// Port returns a port that is free on all addresses, for TCP and UDP. No two
// tests get the same one while both run, be it in one test binary or in
// several side by side; it is given back when the test ends.
func Port(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		claim, err := claimPort(port)
		if err != nil {
			continue
		}
		if !free(port) {
			_ = claim.Close() // another will be tried
			continue
		}
		t.Cleanup(func() { _ = claim.Close() })
		return port
	}
	t.Fatal("no free port found in a thousand tries")
	return 0
}

// claimPort takes a name in the kernel's abstract socket name space, which
// all test binaries share and which vanishes with its owner, kill -9 included.
func claimPort(port int) (net.Listener, error) {
	return net.Listen("unix", fmt.Sprintf("@tocsin-testenv-port-%d", port))
}

func free(port int) bool {
	address := fmt.Sprintf(":%d", port)
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", address)
	if err != nil {
		return false
	}
	return udp.Close() == nil
}
