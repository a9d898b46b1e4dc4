package allow

import (
	"net/netip"
	"testing"
)

const (
	public   = "93.184.216.34"
	metadata = "169.254.169.254"
)

// A hop is one address that a look is led to.
type hop struct{ host, address, line string }

func TestGuard(t *testing.T) {
	list := New([]string{"10.9.0.0/16", "named.example", "192.0.0.192"}, []Target{{Host: "sso.example", Port: 443}}, []string{"host1"})
	for _, c := range []struct {
		name, target string
		hops         []hop
	}{
		{"a public site", "www.example", []hop{
			{"www.example", public, ""},
			{"other.example", public, ""},
			{metadata, metadata, `probe_allow: ["169.254.169.254"]`},
			{"www.example", metadata, `probe_allow: ["169.254.169.254"]`},
			{"inside.example", "10.2.0.1", `probe_allow: ["10.2.0.1"]`},
			{"inside.example", "127.0.0.1", `probe_allow: ["127.0.0.1"]`},
			{"inside.example", "::1", `probe_allow: ["::1"]`},
			{"inside.example", "::ffff:10.2.0.1", `probe_allow: ["10.2.0.1"]`},
			{"inside.example", "10.9.0.1", ""},
			{"192.0.0.192", "192.0.0.192", ""}, // probe_allow has it
			{"named.example", "10.2.0.1", ""},
			{"SSO.example.", "10.2.0.1", ""},
			{"host1", "10.2.0.1", ""},
			{"imap.example", "10.2.0.1", ""}, // the entry has it
			{"sso.example", metadata, `probe_allow: ["169.254.169.254"]`},
			{"www.example", "10.2.0.1", ""}, // split DNS: it is what the site asked for
		}},
		{"a site inside", "intranet.example", []hop{
			{"intranet.example", "10.2.0.1", ""},
			{"other.example", "10.2.0.2", ""},
			{"other.example", "127.0.0.1", ""},
			{"other.example", metadata, `probe_allow: ["169.254.169.254"]`},
			{"other.example", "fe80::1%eth0", `probe_allow: ["fe80::1%eth0"]`},
			{"other.example", "fd20:ce::254", `probe_allow: ["fd20:ce::254"]`},
			{"other.example", "0.0.0.0", `probe_allow: ["0.0.0.0"]`},
		}},
		{"metadata itself", metadata, []hop{
			{metadata, metadata, ""},
			{"other.example", metadata, ""},
			{"169.254.1.1", "169.254.1.1", `probe_allow: ["169.254.1.1"]`},
		}},
		{"no IPv4 here", "www.example", []hop{
			{"www.example", "64:ff9b::5db8:d822", ""},
			{"inside.example", "64:ff9b::a02:1", `probe_allow: ["64:ff9b::a02:1"]`},
			{"inside.example", "64:ff9b::a9fe:a9fe", `probe_allow: ["64:ff9b::a9fe:a9fe"]`},
			{"inside.example", "2002:a9fe:a9fe::1", `probe_allow: ["2002:a9fe:a9fe::1"]`},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewGuard(func() *List { return list }, c.target, []string{"imap.example"})
			for _, h := range c.hops {
				wants(t, h.host+" "+h.address, g.Address(h.host, 443, netip.MustParseAddr(h.address)), h.line)
			}
		})
	}
}

// TestGuard_reload has a target that moves inside, and a site that names more
// than before.
func TestGuard_reload(t *testing.T) {
	list := New(nil, nil, nil)
	g := NewGuard(func() *List { return list }, "www.example", nil)
	to := func(host, address, line string) {
		t.Helper()
		wants(t, host+" "+address, g.Address(host, 443, netip.MustParseAddr(address)), line)
	}
	to("www.example", public, "")
	to("www.example", "10.0.0.1", "")
	to("other.example", "10.0.0.2", `probe_allow: ["10.0.0.2"]`)
	list = New([]string{"other.example"}, nil, nil)
	to("www.example", public, "")
	to("other.example", "10.0.0.2", "")
	list = New(nil, nil, nil)
	to("www.example", "10.0.0.1", "")
	to("other.example", "10.0.0.2", "")
}

// TestGuard_name has what a proxy is to look up.
func TestGuard_name(t *testing.T) {
	g := NewGuard(nil, "localhost", nil)
	wants(t, "the target", g.Name("localhost", 80), "")
	g = NewGuard(nil, "www.example", nil)
	wants(t, "another", g.Name("sso.example", 443), "")
	for _, host := range []string{"localhost", "a.LOCALHOST.", "metadata.google.internal", "2852039166", "0xa9fea9fe"} {
		wants(t, host, g.Name(host, 80), "probe_allow: ["+host+"]")
	}
}
