package dial

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/probes/probe"
)

func addrs(texts ...string) []netip.Addr {
	var all []netip.Addr
	for _, t := range texts {
		all = append(all, netip.MustParseAddr(t))
	}
	return all
}

func finds(texts ...string) func(context.Context, string) ([]netip.Addr, error) {
	return func(context.Context, string) ([]netip.Addr, error) { return addrs(texts...), nil }
}

// network is a fake of one: what happens at each address.
type network map[string]func(context.Context) (net.Conn, error)

func (n network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(address)
	return n[host](ctx)
}

func answers(closed *bool) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) { return &conn{closed: closed}, nil }
}

func answersAfter(d time.Duration, closed *bool) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) {
		time.Sleep(d) // of the fake clock; like a system call it does not heed ctx
		return &conn{closed: closed}, nil
	}
}

func fails(errno syscall.Errno) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) { return nil, &net.OpError{Op: "dial", Err: errno} }
}

func hangs(ctx context.Context) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

type conn struct {
	net.Conn
	closed *bool
}

func (c *conn) Close() error {
	if c.closed != nil {
		*c.closed = true
	}
	return nil
}

func TestTCP_fallsBackBetweenFamilies(t *testing.T) {
	for _, c := range []struct {
		name   string
		found  []string
		net    network
		answer string
		took   time.Duration
		failed int
	}{
		{"IPv6 good", []string{"192.0.2.1", "2001:db8::1"}, network{"2001:db8::1": answers(nil)}, "2001:db8::1", 0, 0},
		{
			"IPv6 without a route",
			[]string{"2001:db8::1", "192.0.2.1"},
			network{"2001:db8::1": fails(syscall.ENETUNREACH), "192.0.2.1": answers(nil)},
			"192.0.2.1", 0, 1,
		},
		{
			"IPv6 swallows all",
			[]string{"2001:db8::1", "2001:db8::2", "192.0.2.1"},
			network{"2001:db8::1": hangs, "2001:db8::2": hangs, "192.0.2.1": answers(nil)},
			"192.0.2.1", stagger, 0,
		},
		{
			"IPv6 slow but first",
			[]string{"2001:db8::1", "192.0.2.1"},
			network{"2001:db8::1": answersAfter(400*time.Millisecond, nil), "192.0.2.1": hangs},
			"2001:db8::1", 400 * time.Millisecond, 0,
		},
		{
			"the fourth of four",
			[]string{"192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"},
			network{"2001:db8::1": fails(syscall.ECONNREFUSED), "192.0.2.1": fails(syscall.ECONNREFUSED), "2001:db8::2": hangs, "192.0.2.2": answers(nil)},
			"192.0.2.2", stagger, 2,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := Options{Lookup: finds(c.found...), Dial: c.net.dial}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				_, out, err := o.TCP(ctx, "portail.example", 443)
				if err != nil {
					t.Fatal(err)
				}
				if out.Address.Addr().String() != c.answer || out.Connect != c.took || len(out.Failed) != c.failed {
					t.Errorf("%s answered after %s, %d failed; want %s after %s, %d", out.Address, out.Connect, len(out.Failed), c.answer, c.took, c.failed)
				}
			})
		})
	}
}

func TestTCP_closesTheLateOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := false
		n := network{"2001:db8::1": answersAfter(time.Second, &closed), "192.0.2.1": answers(nil)}
		o := Options{Lookup: finds("2001:db8::1", "192.0.2.1"), Dial: n.dial}
		if _, _, err := o.TCP(t.Context(), "portail.example", 443); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second) // of the fake clock
		synctest.Wait()
		if !closed {
			t.Error("the connection that came too late was left open")
		}
	})
}

func TestTCP_saysTheMostTellingReason(t *testing.T) {
	for _, c := range []struct {
		name string
		net  network
		want probe.Reason
	}{
		{"both refuse", network{"2001:db8::1": fails(syscall.ECONNREFUSED), "192.0.2.1": fails(syscall.ECONNREFUSED)}, probe.Refused},
		{"no IPv6 here, IPv4 refuses", network{"2001:db8::1": fails(syscall.ENETUNREACH), "192.0.2.1": fails(syscall.ECONNREFUSED)}, probe.Refused},
		{"no IPv6 here, IPv4 times out", network{"2001:db8::1": fails(syscall.ENETUNREACH), "192.0.2.1": fails(syscall.ETIMEDOUT)}, probe.Timeout},
		{"no IPv6 here, IPv4 hangs", network{"2001:db8::1": fails(syscall.ENETUNREACH), "192.0.2.1": hangs}, probe.Timeout},
		{"neither has a route", network{"2001:db8::1": fails(syscall.ENETUNREACH), "192.0.2.1": fails(syscall.EHOSTUNREACH)}, probe.Unreachable},
		{"a packet filter says no", network{"2001:db8::1": fails(syscall.EPERM), "192.0.2.1": fails(syscall.EACCES)}, probe.Unreachable},
		{"strange", network{"2001:db8::1": fails(syscall.EIO), "192.0.2.1": fails(syscall.EIO)}, probe.Other},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := Options{Lookup: finds("2001:db8::1", "192.0.2.1"), Dial: c.net.dial}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				_, _, err := o.TCP(ctx, "portail.example", 443)
				var f *probe.Failure
				if !errors.As(err, &f) || f.Reason != c.want || f.Phase != probe.PhaseConnect {
					t.Errorf("got %#v, want %s", err, c.want)
				}
			})
		})
	}
}

// TestTCP_ownFaults shows what is ours, and says nothing of the service.
func TestTCP_ownFaults(t *testing.T) {
	called, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
		net  network
	}{
		{"no descriptor left", t.Context(), network{"192.0.2.1": fails(syscall.EMFILE)}},
		{"called off", called, network{"192.0.2.1": hangs}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Options{Dial: c.net.dial}
			_, _, err := o.TCP(c.ctx, "192.0.2.1", 443)
			if _, ours := errors.AsType[*probe.Unmeasured](err); !ours {
				t.Errorf("got %#v, want Unmeasured", err)
			}
		})
	}
}

func TestTCP_dialsOnlyWhatIsAllowed(t *testing.T) {
	var dialled []string
	o := Options{
		Lookup: finds("10.0.0.1", "::ffff:127.0.0.1", "192.0.2.1", "fe80::1%eth0"),
		Dial: func(_ context.Context, _, address string) (net.Conn, error) {
			dialled = append(dialled, address)
			return nil, syscall.ECONNREFUSED
		},
		AllowAddress: func(a netip.Addr) error {
			if a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
				return errors.New("not allowed")
			}
			return nil
		},
	}
	_, out, err := o.TCP(t.Context(), "portail.example", 443)
	if !slices.Equal(dialled, []string{"192.0.2.1:443"}) || len(out.Failed) != 4 || err == nil {
		t.Errorf("dialled %q with %v, want 192.0.2.1:443 alone", dialled, err)
	}
	dialled = nil
	_, _, err = o.TCP(t.Context(), "::ffff:10.1.2.3", 443)
	var f *probe.Failure
	if !errors.As(err, &f) || f.Reason != probe.BlockedAddress || dialled != nil {
		t.Errorf("got %v and dialled %q, want blocked_address and nothing", err, dialled)
	}
}

func TestOrder(t *testing.T) {
	many := make([]string, 100)
	for i := range many {
		many[i] = netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}).String()
	}
	for _, c := range []struct {
		version int
		found   []string
		want    string
	}{
		{0, []string{"192.0.2.1", "192.0.2.2", "2001:db8::1"}, "2001:db8::1 192.0.2.1 192.0.2.2"},
		{0, []string{"192.0.2.1", "::ffff:192.0.2.1"}, "192.0.2.1"},
		{4, []string{"192.0.2.1", "2001:db8::1"}, "192.0.2.1"},
		{6, []string{"192.0.2.1", "2001:db8::1"}, "2001:db8::1"},
		{6, []string{"192.0.2.1"}, ""},
		{0, many, strings.Join(many[:maxAddresses], " ")},
	} {
		o := Options{IPVersion: c.version}
		var got []string
		for _, a := range o.order(addrs(c.found...)) {
			got = append(got, a.String())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%d: %q, want %q", c.version, got, c.want)
		}
	}
}

func TestSplitPort(t *testing.T) {
	for text, want := range map[string]uint16{"443": 443, "65535": 65535, "1": 1, "0": 0, "65536": 0, "": 0, "https": 0, "-1": 0} {
		got, err := SplitPort(text)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("SplitPort(%q) is %d, %v", text, got, err)
		}
	}
}
