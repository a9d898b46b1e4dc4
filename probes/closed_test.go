package probes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/testenv"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
)

// state is what the page says of the ports' states.
func wantState(t *testing.T, p page, want map[string]float64) {
	t.Helper()
	for _, s := range []string{"open", "refused", "reset", "filtered", "unknown"} {
		p.wants(t, fmt.Sprintf("probe_port_addresses{state=%q}", s), want[s])
	}
}

// silent is a port that answers nobody: the kernel drops what comes to a
// listener whose queue is full, as a packet filter would.
func silent(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	port := testenv.Port(t)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	for range 8 { // until none is taken any more
		conn, err := (&net.Dialer{Timeout: 300 * time.Millisecond}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			return address
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	testenv.Skip(t, "this kernel takes connections beyond a full queue")
	return ""
}

// cut is a connection that is reset once it stands. With a real server the reset
// may come sooner.
type cut struct{ net.Conn }

func (cut) Read([]byte) (int, error)        { return 0, syscall.ECONNRESET }
func (cut) SetReadDeadline(time.Time) error { return nil }
func (cut) Close() error                    { return nil }

// TestClosed looks at ports in all the states, real ones.
func TestClosed(t *testing.T) {
	port := testenv.Port(t)
	testenv.Redis(t, port)
	closed := func(target string) Config {
		return Config{Target: "tcp://" + target, Expect: "closed", Timeout: model.Duration(2 * time.Second)}
	}
	t.Run("open", func(t *testing.T) {
		t.Parallel()
		r, page := look(t, closed(fmt.Sprintf("127.0.0.1:%d", port)), Options{})
		wantReason(t, r, page, probe.PortOpen, "connect")
		wantState(t, page, map[string]float64{"open": 1})
		if want := fmt.Sprintf("port_open: port %d of 127.0.0.1 answers from here, and must not", port); r.Explain() != want {
			t.Errorf("it says %q, not %q", r.Explain(), want)
		}
		page.lacks(t, "probe_failed_due_to_regex")
	})
	t.Run("open at one address of two", func(t *testing.T) {
		t.Parallel()
		r, page := look(t, closed(fmt.Sprintf("db.example:%d", port)), Options{Lookup: func(ctx, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.1")}, nil
		}})
		wantReason(t, r, page, probe.PortOpen, "connect")
		wantState(t, page, map[string]float64{"open": 1, "refused": 1})
		if !strings.Contains(r.Explain(), "of db.example answers from here at 127.0.0.1, and must not") {
			t.Error(r.Explain())
		}
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		r, page := look(t, closed(fmt.Sprintf("127.0.0.1:%d", testenv.Port(t))), Options{})
		wantReason(t, r, page, "", "")
		wantState(t, page, map[string]float64{"refused": 1})
	})
	t.Run("filtered", func(t *testing.T) {
		t.Parallel()
		r, page := look(t, closed(silent(t)), Options{})
		wantReason(t, r, page, "", "")
		wantState(t, page, map[string]float64{"filtered": 1})
	})
	t.Run("cut at once", func(t *testing.T) {
		t.Parallel()
		r, page := look(t, closed("192.0.2.1:22"), Options{Dial: func(context.Context, string, string) (net.Conn, error) {
			return cut{}, nil
		}})
		wantReason(t, r, page, "", "")
		wantState(t, page, map[string]float64{"reset": 1})
	})
	t.Run("closed after a word", func(t *testing.T) {
		t.Parallel()
		r, page := look(t, closed(probetest.TCP(t, func(net.Conn) {})), Options{})
		wantReason(t, r, page, probe.PortOpen, "connect")
	})
	t.Run("a filter says no", func(t *testing.T) {
		t.Parallel()
		r, page := look(t, closed("192.0.2.1:5432"), Options{Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}
		}})
		wantReason(t, r, page, "", "")
		wantState(t, page, map[string]float64{"filtered": 1})
	})
}

// TestClosed_notMeasured has what says nothing of the port.
func TestClosed_notMeasured(t *testing.T) {
	for name, o := range map[string]Options{
		"no such name": {Lookup: func(_ ctx, host string) ([]netip.Addr, error) {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}},
		"no way": {Lookup: localhost, Dial: func(ctx, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: syscall.ENETUNREACH}
		}},
		"no means": {Lookup: localhost, Dial: func(ctx, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: syscall.EMFILE}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := NewProber(Config{Target: "tcp://db.example:5432", Expect: "closed"}, o)
			if err != nil {
				t.Fatal(err)
			}
			if r := p.Probe(t.Context()); r.Unmeasured == nil || r.Success || r.Samples != nil {
				t.Errorf("measured: %v, %q, %v", r.Success, r.Reason, r.Samples)
			}
		})
	}
	p, err := NewProber(Config{Target: "tcp://db.example:5432", Expect: "closed"}, Options{
		Lookup: localhost, AllowAddress: func(netip.Addr) error { return errors.New("not for you") },
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := p.Probe(t.Context()); r.Reason != probe.BlockedAddress {
		t.Errorf("the reason is %q", r.Reason)
	}
}

func TestClosed_badConfig(t *testing.T) {
	wantsWrong(t, []wrongEntry{
		{`- {target: "tcp://a.example:5432", expect: shut}`, `probes[0].expect: is not to be "shut"; write closed for a port that must not answer from here, or leave it out`},
		{`- {target: https://a.example, expect: closed}`, `probes[0].expect: is about a port, whatever is spoken there; write the target as tcp://db1.ville.example:5432`},
		{`- {target: "tcp://a.example:5432", expect: closed, tcp: {starttls: postgres}}`, `probes[0].tcp: needs an answer, and expect: closed wants none; take one of them out`},
		{`- {target: "tcp://a.example:5432", expect: closed, server_name: a.example}`, `probes[0].server_name: needs an answer, and expect: closed wants none; take one of them out`},
	})
	wantsRight(t, `- {target: "tcp://db.ville.example:5432", expect: closed}`)
}

// TestClosed_addressesThatMayNotBeTried says nothing of a port where one of its
// addresses was refused to the probe, unless another one is open.
func TestClosed_addressesThatMayNotBeTried(t *testing.T) {
	open, shut := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	options := func(found ...netip.Addr) Options {
		return Options{
			Lookup: func(context.Context, string) ([]netip.Addr, error) { return found, nil },
			Dial: func(ctx context.Context, _, address string) (net.Conn, error) {
				if strings.HasPrefix(address, open.String()) {
					here, _ := net.Pipe()
					return here, nil
				}
				return nil, syscall.ECONNREFUSED
			},
			AllowAddress: func(a netip.Addr) error {
				if a == open || a == shut {
					return nil
				}
				return errors.New("is not allowed")
			},
		}
	}
	c := Config{Target: "tcp://db.ville.example:5432", Expect: "closed", Timeout: model.Duration(2 * time.Second)}
	inner := netip.MustParseAddr("10.0.0.5")
	r, page := look(t, c, options(shut, inner))
	wantReason(t, r, page, probe.BlockedAddress, "connect")
	r, page = look(t, c, options(shut, open, inner))
	wantReason(t, r, page, probe.PortOpen, "connect")
	if r, _ = look(t, c, options(shut)); !r.Success {
		t.Errorf("what is refused everywhere is %s", r.Explain())
	}
}
