package icmpprobe

import (
	"bytes"
	"net/netip"
	"testing"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"tocsin/probes/probe"
)

// FuzzJudge has anybody send anything: what is no reply of the one who was
// asked is none, and what somebody on the way says has a reason.
func FuzzJudge(f *testing.F) {
	four, six := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	echo := &icmp.Echo{ID: 7, Seq: 9, Data: []byte("data of our own")}
	ask, err := (&icmp.Message{Type: ipv4.ICMPTypeEcho, Body: echo}).Marshal(nil)
	if err != nil {
		f.Fatal(err)
	}
	header := append([]byte{0x45, 19: 0}, ask...)
	copy(header[16:], four.AsSlice())
	header6 := append(make([]byte, 40), ask...)
	header6[0] = 0x60
	copy(header6[24:], six.AsSlice())
	for _, m := range []icmp.Message{
		{Type: ipv4.ICMPTypeEchoReply, Body: echo},
		{Type: ipv6.ICMPTypeEchoReply, Body: echo},
		{Type: ipv4.ICMPTypeTimeExceeded, Body: &icmp.TimeExceeded{Data: header}},
		{Type: ipv4.ICMPTypeDestinationUnreachable, Body: &icmp.DstUnreach{Data: header}},
		{Type: ipv6.ICMPTypeDestinationUnreachable, Body: &icmp.DstUnreach{Data: header6}},
	} {
		b, err := m.Marshal(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, true, m.Type == ipv6.ICMPTypeEchoReply, true)
		f.Add(b, false, true, false)
	}
	f.Fuzz(func(t *testing.T, b []byte, same, overSix, raw bool) {
		to := four
		if overSix {
			to = six
		}
		from := to
		if !same {
			from = netip.MustParseAddr("198.51.100.1")
		}
		ours, err := judge(b, from, to, echo, raw)
		switch {
		case err != nil && (ours || probe.FailureOf(err).Reason != probe.Unreachable):
			t.Errorf("%v, and ours is %v", err, ours)
		case ours && (!same || !bytes.HasSuffix(b, echo.Data)):
			t.Errorf("%q from %s is taken for the reply", b, from)
		}
	})
}
