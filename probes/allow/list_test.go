package allow

import (
	"net/netip"
	"strings"
	"testing"
)

func TestList(t *testing.T) {
	l := New(
		[]string{"www.ville.example", "*.public.example", "10.1.0.0/16", "192.0.2.7", "[2001:db8::1]", "/run/app/*.sock"},
		[]string{"Portail.ville.example", "127.0.0.1"},
	)
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
		{"127.0.0.1", ""},
		{"127.0.0.2", `probe_allow: ["127.0.0.2"]`},
		{"192.0.2.7", ""},
		{"[2001:db8::1]", ""},
		{"2001:db8::2", `probe_allow: ["2001:db8::2"]`},
		{"", "probe_allow: []"},
	} {
		wants(t, c.host, l.Host(c.host), c.line)
	}
	wants(t, "socket", l.Socket("/run/app/a.sock"), "")
	wants(t, "socket", l.Socket("/run/app/../other.sock"), "probe_allow: [/run/other.sock]")
}

// TestAddress has names that lead to where nobody may be sent.
func TestAddress(t *testing.T) {
	l := New([]string{"www.ville.example", "*.public.example", "10.1.0.0/16"}, nil)
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
		{"www.ville.example", "239.1.1.1", `probe_allow: ["239.1.1.1"]`},
	} {
		wants(t, c.host+" "+c.address, l.Address(c.host, netip.MustParseAddr(c.address)), c.line)
	}
}

func wants(t *testing.T, what string, err error, line string) {
	t.Helper()
	switch {
	case line == "" && err != nil:
		t.Errorf("%s is refused: %v", what, err)
	case line != "" && (err == nil || !strings.HasSuffix(err.Error(), "\n"+line)):
		t.Errorf("%s: %v, want it to end with %s", what, err, line)
	}
}
