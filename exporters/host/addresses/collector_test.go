package addresses

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/frame"
	"tocsin/internal/problem"
	"tocsin/internal/testenv"
)

// page collects all of them once, and returns their series.
func page(t *testing.T, entries []frame.Entry) (series map[string]float64, errs error) {
	t.Helper()
	series = map[string]float64{}
	for _, e := range entries {
		s := frame.NewSink(e.Collector.Families())
		errs = errors.Join(errs, e.Collector.Collect(t.Context(), s))
		families, err := s.Page()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.Metric {
				name := strings.TrimPrefix(f.GetName(), "tocsin_address_")
				for _, l := range m.Label {
					name += " " + l.GetValue()
				}
				series[name] = m.GetGauge().GetValue()
			}
		}
	}
	return series, errs
}

func list() List {
	return List{
		{Address: "203.0.113.9", Hosts: []string{"a", "b"}, DNS: "www.ville.example"},
		{Address: "2001:db8::9", Hosts: []string{"a", "b"}, DNS: "v6.ville.example"},
		{Address: "203.0.113.10", Hosts: []string{"b", "c"}, DNS: "gone.ville.example"},
		{Address: "203.0.113.11", Hosts: []string{"b", "c"}, DNS: "unknown.ville.example"},
	}
}

func TestNew_whoHoldsWhoMayAndWhereTheDNSLeads(t *testing.T) {
	o := Options{
		Host: "a", Told: true,
		Held: func() ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("203.0.113.11")}, nil
		},
		Lookup: func(_ context.Context, name string) ([]netip.Addr, error) {
			switch name {
			case "www.ville.example":
				return []netip.Addr{netip.MustParseAddr("::ffff:203.0.113.9")}, nil
			case "v6.ville.example":
				return []netip.Addr{netip.MustParseAddr("2001:db8::8")}, nil
			case "gone.ville.example":
				return nil, &net.DNSError{IsNotFound: true}
			}
			return nil, &net.DNSError{Err: "the server misbehaves", IsTemporary: true}
		},
	}
	got, err := page(t, New(list(), o))
	want := map[string]float64{
		"candidate_info 203.0.113.9 a": 1, "candidate_info 203.0.113.9 b": 1,
		"candidate_info 2001:db8::9 a": 1, "candidate_info 2001:db8::9 b": 1,
		"candidate_info 203.0.113.10 b": 1, "candidate_info 203.0.113.10 c": 1,
		"candidate_info 203.0.113.11 b": 1, "candidate_info 203.0.113.11 c": 1,
		"held 203.0.113.9": 1, "held 2001:db8::9": 0, "held 203.0.113.11": 1,
		"dns_match 203.0.113.9 www.ville.example": 1, "dns_match 2001:db8::9 v6.ville.example": 0,
		"dns_match 203.0.113.10 gone.ville.example": 0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if frame.ReasonOf(err) != frame.ReasonUnreachable || !strings.Contains(err.Error(), "unknown.ville.example") {
		t.Errorf("the error is %v", err)
	}

	o.Told, o.Host = false, "c"
	got, err = page(t, New(list(), o))
	want = map[string]float64{"held 203.0.113.9": 1, "held 203.0.113.10": 0, "held 203.0.113.11": 1}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("a plain exporter: %v (-want +got)\n%s", err, diff)
	}
	if entries := New(nil, o); entries != nil {
		t.Errorf("without an entry there is %v", entries)
	}
}

// inNamespace marks the process that runs in a network of its own.
const inNamespace = "TOCSIN_TEST_ADDRESSES"

// TestNew_realInterfaces adds an address to an interface and takes it away,
// in a network namespace.
func TestNew_realInterfaces(t *testing.T) {
	if os.Getenv(inNamespace) == "" {
		testenv.Root(t, "makes a network namespace")
		cmd := exec.Command(testenv.Program(t, "unshare", "util-linux"), "-n", os.Args[0], "-test.run", "^TestNew_realInterfaces$", "-test.v")
		cmd.Env = append(os.Environ(), inNamespace+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	ip := func(args string) {
		t.Helper()
		if out, err := exec.Command(testenv.Program(t, "ip", "iproute2"), strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", args, err, out)
		}
	}
	holds := func(when string, want float64) {
		t.Helper()
		got, err := page(t, New(list()[:1], Options{Host: "a"}))
		if err != nil || got["held 203.0.113.9"] != want {
			t.Errorf("%s: %v %v, want %v", when, got, err, want)
		}
	}
	ip("link set lo up")
	ip("link add moves type bridge") // there is a bridge in every kernel, a dummy not
	holds("before", 0)
	ip("address add 203.0.113.9/32 dev moves")
	holds("on an interface that is down", 0)
	ip("link set moves up")
	holds("on one that is up", 1)
	ip("address del 203.0.113.9/32 dev moves")
	holds("after", 0)
}

func TestList_saysWhatIsWrong(t *testing.T) {
	l := List{
		{Hosts: []string{"a", "b"}},
		{Address: "www.ville.example", Hosts: []string{"a"}},
		{Address: "127.0.0.1", Hosts: []string{"a", "a"}},
		{Address: "203.0.113.9", Hosts: []string{"a", "b"}, DNS: "https://www"},
		{Address: "::ffff:203.0.113.9", Hosts: []string{"a", "b"}},
	}
	found := problem.New()
	l.Validate(found.At("addresses"))
	var got []string
	for _, p := range found.All() {
		got = append(got, p.Path+": "+p.Text)
	}
	want := []string{
		"addresses[0].address: is missing; write the address that moves, as 203.0.113.9",
		"addresses[1].address: is no IP address; write one as 203.0.113.9 or 2001:db8::9",
		"addresses[1].hosts: must be at least two: those between which the address moves, as [web1, web2]",
		"addresses[2].address: is no address that one host of several holds; write one that users reach, as 203.0.113.9",
		"addresses[2].hosts[1]: is empty, or stands here twice; take it away",
		"addresses[3].dns: is no name; write one as www.ville.example",
		"addresses[4].address: stands in addresses[3], too; keep one of the two",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
