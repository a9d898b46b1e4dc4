package allow

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func TestList(t *testing.T) {
	l := New(
		[]string{"www.ville.example", "*.public.example", "10.1.0.0/16", "192.0.2.7", "[2001:db8::1]", "/run/app/*.sock"},
		[]Target{
			{Host: "Portail.ville.example", Port: 443, Web: true},
			{Host: "db1.ville.example", Port: 5432},
			{Host: "gw.ville.example"},
			{Host: "127.0.0.1", Port: 8080, Web: true},
			{Path: "/run/own.sock"},
		}, []string{"only.named.example"},
	)
	for _, c := range []struct {
		host string
		port uint16
		line string
	}{
		{"db1.ville.example", 5432, ""},
		{"db1.ville.example", 22, "probe_allow: [db1.ville.example]"},
		{"db1.ville.example", 443, "probe_allow: [db1.ville.example]"},
		{"db1.ville.example", 0, ""}, // a ping
		{"portail.ville.example.", 80, ""},
		{"portail.ville.example", 8443, "probe_allow: [portail.ville.example]"},
		{"gw.ville.example", 0, ""},
		{"gw.ville.example", 80, "probe_allow: [gw.ville.example]"},
		{"only.named.example", 443, "probe_allow: [only.named.example]"},
		{"127.0.0.1", 8080, ""},
		{"127.0.0.1", 5432, `probe_allow: ["127.0.0.1"]`},
	} {
		wants(t, fmt.Sprint(c.host, " ", c.port), l.Host(c.host, c.port), c.line)
	}
	if err := l.Host("db1.ville.example", 22); !strings.Contains(err.Error(), "at port 5432 only, not at port 22") {
		t.Error(err)
	}
	for _, c := range []struct{ host, line string }{
		{"www.ville.example", ""},
		{"WWW.ville.example.", ""},
		{"portail.ville.example", ""},
		{"a.public.example", ""},
		{"a.b.public.example", ""},
		{"public.example", "probe_allow: [public.example]"},
		{"evilpublic.example", "probe_allow: [evilpublic.example]"},
		{"other.example", "probe_allow: [other.example]"},
		{"10.1.2.3", ""},
		{"::ffff:10.1.2.3", ""},
		{"10.2.2.3", `probe_allow: ["10.2.2.3"]`},
		{"127.0.0.2", `probe_allow: ["127.0.0.2"]`},
		{"192.0.2.7", ""},
		{"[2001:db8::1]", ""},
		{"2001:db8::2", `probe_allow: ["2001:db8::2"]`},
		{"", "probe_allow: []"},
	} {
		wants(t, c.host, l.Host(c.host, 443), c.line)
	}
	wants(t, "socket", l.Socket("/run/app/a.sock"), "")
	wants(t, "socket", l.Socket("/run/own.sock"), "")
	wants(t, "socket", l.Socket("/run/app/../other.sock"), "probe_allow: [/run/other.sock]")
}

// TestAddress has names that lead to where nobody may be sent.
func TestAddress(t *testing.T) {
	l := New([]string{"www.ville.example", "*.public.example", "10.1.0.0/16"}, []Target{
		{Host: "intranet.ville.example", Port: 443, Web: true}, {Host: "169.254.7.7", Port: 80, Web: true},
	}, nil)
	for _, c := range []struct{ host, address, line string }{
		{"a.public.example", "93.184.216.34", ""},
		{"a.public.example", "2606:2800::1", ""},
		{"a.public.example", "10.1.2.3", ""},
		{"a.public.example", "10.2.2.3", `probe_allow: ["10.2.2.3"]`},
		{"a.public.example", "127.0.0.1", `probe_allow: ["127.0.0.1"]`},
		{"a.public.example", "::1", `probe_allow: ["::1"]`},
		{"a.public.example", "::ffff:127.0.0.1", `probe_allow: ["127.0.0.1"]`},
		{"a.public.example", "fd12::1", `probe_allow: ["fd12::1"]`},
		{"www.ville.example", "10.2.2.3", ""},
		{"www.ville.example", "127.0.0.1", ""},
		{"www.ville.example", "169.254.169.254", `probe_allow: ["169.254.169.254"]`},
		{"www.ville.example", "fe80::1%eth0", `probe_allow: ["fe80::1%eth0"]`},
		{"www.ville.example", "0.0.0.0", `probe_allow: ["0.0.0.0"]`},
		{"www.ville.example", "64:ff9b::7f00:1", `probe_allow: ["64:ff9b::7f00:1"]`},
		{"www.ville.example", "fd20:ce::254", `probe_allow: ["fd20:ce::254"]`},
		{"www.ville.example", "168.63.129.16", `probe_allow: ["168.63.129.16"]`},
		{"www.ville.example", "192.0.0.192", `probe_allow: ["192.0.0.192"]`},
		{"www.ville.example", "239.1.1.1", `probe_allow: ["239.1.1.1"]`},
	} {
		wants(t, c.host+" "+c.address, l.Address(c.host, 443, netip.MustParseAddr(c.address)), c.line)
	}
	// What a probe of the site looks at, and its neighbours.
	for _, c := range []struct {
		host    string
		port    uint16
		address string
		line    string
	}{
		{"intranet.ville.example", 443, "10.2.2.3", ""},
		{"intranet.ville.example", 80, "10.2.2.3", `probe_allow: ["10.2.2.3"]`}, // it goes with 443 where that is public
		{"intranet.ville.example", 80, "93.184.216.34", ""},
		{"intranet.ville.example", 443, "169.254.169.254", `probe_allow: ["169.254.169.254"]`},
		{"169.254.7.7", 80, "169.254.7.7", ""},
		{"169.254.7.7", 443, "169.254.7.7", `probe_allow: ["169.254.7.7"]`},
	} {
		wants(t, c.host+" "+c.address, l.Address(c.host, c.port, netip.MustParseAddr(c.address)), c.line)
	}
}

func wants(t *testing.T, what string, err error, line string) {
	t.Helper()
	switch {
	case line == "" && err != nil:
		t.Errorf("%s is refused: %v", what, err)
	case line != "" && (err == nil || !strings.HasSuffix(strings.ReplaceAll(err.Error(), "\n", " "), " "+line)):
		t.Errorf("%s: %v, want it to end with %s", what, err, line)
	}
}

// TestName has names that a proxy is to look up.
func TestName(t *testing.T) {
	l := New([]string{"*"}, nil, nil)
	wants(t, "a name", l.Name("www.ville.example", 443), "")
	for _, disguised := range []string{"2852039166", "0xa9fea9fe", "169.254.43518", "0xa9.0xfe.0xa9.0xfe", "1.2.3.0x"} {
		wants(t, disguised, l.Name(disguised, 80), "probe_allow: ["+disguised+"]")
	}
	strict := New(nil, []Target{{Host: "www.ville.example", Port: 443, Web: true}}, nil)
	wants(t, "a name", strict.Name("www.ville.example", 80), "")
	wants(t, "a name", strict.Name("metadata.google.internal", 80), "probe_allow: [metadata.google.internal]")
}
