package probes

import (
	"context"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/testenv"
	"tocsin/probes/probe"
	"tocsin/probes/zoneprobe"
)

// A village is a parent zone, example, whose server also does what a resolver
// would, and name servers of asso.example at 127.0.0.1 and 127.0.0.3: BIND listens
// on no address of 127.0.0.0/8 but the first, and Knot on every one.
type village struct {
	port   int
	target Config
}

// parent serves example on 127.0.0.4 with these records beside its own.
func parent(t *testing.T, records string) *village {
	t.Helper()
	port := testenv.Port(t)
	testenv.Knot(t, "127.0.0.4", port, testenv.Zone{Name: "example", Text: `$TTL 60
@ IN SOA ns root 1 3600 600 86400 60
@ IN NS ns
ns IN A 127.0.0.4
` + records})
	return &village{port: port, target: Config{
		Target: fmt.Sprintf("zone://asso.example:%d", port), Timeout: model.Duration(9 * time.Second),
		Zone: zoneprobe.Config{Resolvers: []string{fmt.Sprintf("127.0.0.4:%d", port)}},
	}}
}

const usualDelegation = `
asso IN NS ns1.asso
asso IN NS ns2.asso
ns1.asso IN A 127.0.0.1
ns2.asso IN A 127.0.0.3
`

// association is asso.example with a serial number and more records.
func association(serial int, records string) testenv.Zone {
	return testenv.Zone{Name: "asso.example", Text: fmt.Sprintf(`$TTL 60
@ IN SOA ns1 root %d 86400 600 864000 60
@ IN NS ns1
@ IN NS ns2
ns1 IN A 127.0.0.1
ns2 IN A 127.0.0.3
www IN A 192.0.2.80
%s`, serial, records)}
}

// copied is asso.example as a secondary of 127.0.0.1 has it.
func copied() testenv.Zone { return testenv.Zone{Name: "asso.example", From: "127.0.0.1"} }

func labelled(name, server, address string) string {
	return fmt.Sprintf("%s{address=%q,server=%q}", name, address, server)
}

func TestZone_goodAndWithoutDNSSEC(t *testing.T) {
	t.Parallel()
	v := parent(t, usualDelegation)
	testenv.Named(t, v.port, association(2026112701, `@ IN CAA 0 issue "letsencrypt.org"`))
	testenv.Knot(t, "127.0.0.3", v.port, copied())
	v.settle(t, "127.0.0.3")
	r, page := look(t, v.target, Options{})
	wantReason(t, r, page, "", "")
	if len(r.Faults) > 0 {
		t.Errorf("faults: %q", r.Faults)
	}
	for series, value := range map[string]float64{
		"probe_zone_servers":          2,
		"probe_zone_distinct_serials": 1,
		labelled("probe_zone_server_authoritative", "ns1.asso.example", "127.0.0.1"): 1,
		labelled("probe_zone_server_authoritative", "ns2.asso.example", "127.0.0.3"): 1,
		labelled("probe_zone_serial", "ns2.asso.example", "127.0.0.3"):               2026112701,
		labelled("probe_zone_serial_behind", "ns2.asso.example", "127.0.0.3"):        0,
		"probe_zone_delegation_consistent":                                           1,
		`probe_zone_dnssec_info{state="unsigned"}`:                                   1,
		"probe_zone_caa_records":                                                     1,
	} {
		page.wants(t, series, value)
	}
	page.lacks(t, "probe_zone_dnssec_valid")
	page.lacks(t, "probe_zone_server_problem_info")
}

// settle waits until a secondary has copied the zone.
func (v *village) settle(t *testing.T, address string) {
	t.Helper()
	testenv.Eventually(t, 30*time.Second, "the secondary has the zone", func(ctx context.Context) error {
		p, err := NewProber(Config{Target: fmt.Sprintf("dns://%s:%d/asso.example", address, v.port)}, Options{})
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		r := p.Probe(ctx)
		return r.Err
	})
}

func TestZone_secondaryBehind(t *testing.T) {
	t.Parallel()
	v := parent(t, usualDelegation)
	primary := testenv.Named(t, v.port, association(4294967295, ""))
	testenv.Knot(t, "127.0.0.3", v.port, copied())
	v.settle(t, "127.0.0.3")
	// The number goes round: 2 comes after 4294967295 (RFC 1982).
	primary.Replace(t, association(2, ""))
	if err := primary.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, 30*time.Second, "the primary has the new zone", func(context.Context) error {
		_, page := look(t, v.target, Options{})
		if got := page[labelled("probe_zone_serial", "ns1.asso.example", "127.0.0.1")]; got != 2 {
			return fmt.Errorf("it has %v", got)
		}
		return nil
	})
	r, page := look(t, v.target, Options{})
	wantReason(t, r, page, "", "")
	page.wants(t, "probe_zone_distinct_serials", 2)
	page.wants(t, labelled("probe_zone_serial_behind", "ns1.asso.example", "127.0.0.1"), 0)
	page.wants(t, labelled("probe_zone_serial_behind", "ns2.asso.example", "127.0.0.3"), 3)
	if len(r.Faults) != 1 || !strings.Contains(r.Faults[0], "ns2.asso.example (127.0.0.3) has serial number 4294967295, which is older than 2") {
		t.Errorf("faults: %q", r.Faults)
	}
}

// TestZone_faults has servers that do not serve, and a parent that says
// something else than the zone; users are served all the same.
func TestZone_faults(t *testing.T) {
	t.Parallel()
	v := parent(t, `
asso IN NS ns1.asso
asso IN NS ns2.asso
asso IN NS old
asso IN NS gone
asso IN NS refuser
ns1.asso IN A 127.0.0.1
ns2.asso IN A 127.0.0.9
old IN A 127.0.0.6
refuser IN A 127.0.0.5
`)
	testenv.Named(t, v.port, association(7, "@ IN NS ns3.asso.example.\nns3 IN A 127.0.0.3"))
	testenv.Knot(t, "127.0.0.3", v.port, association(7, "@ IN NS ns3.asso.example.\nns3 IN A 127.0.0.3"))
	testenv.Knot(t, "127.0.0.5", v.port)
	r, page := look(t, v.target, Options{})
	wantReason(t, r, page, "", "")
	problem := func(server, address, what string) string {
		return fmt.Sprintf("probe_zone_server_problem_info{address=%q,problem=%q,server=%q}", address, what, server)
	}
	delegation := func(server, what string) string {
		return fmt.Sprintf("probe_zone_delegation_problem_info{problem=%q,server=%q}", what, server)
	}
	for series, value := range map[string]float64{
		"probe_zone_servers": 6,
		problem("ns2.asso.example", "127.0.0.9", "unreachable"):                      1,
		problem("old.example", "127.0.0.6", "unreachable"):                           1,
		problem("gone.example", "", "no_address"):                                    1,
		problem("refuser.example", "127.0.0.5", "refuses"):                           1,
		labelled("probe_zone_server_authoritative", "refuser.example", "127.0.0.5"):  0,
		labelled("probe_zone_server_authoritative", "gone.example", ""):              0,
		labelled("probe_zone_server_authoritative", "ns3.asso.example", "127.0.0.3"): 1,
		"probe_zone_delegation_consistent":                                           0,
		delegation("old.example", "parent_only"):                                     1,
		delegation("ns3.asso.example", "zone_only"):                                  1,
		delegation("ns2.asso.example", "glue_differs"):                               1,
	} {
		page.wants(t, series, value)
	}
	for series := range page {
		if strings.HasPrefix(series, "probe_zone_delegation_problem_info") && strings.Contains(series, "ns1.") {
			t.Errorf("%s", series)
		}
	}
}

// A server that serves the parent, too, answers with the zone's own words: what
// stands in the parent is not seen, but its DS records are.
func TestZone_parentOnTheSameServer(t *testing.T) {
	t.Parallel()
	signed, ds := testenv.Sign(t, association(5, ""))
	port := testenv.Port(t)
	testenv.Named(t, port, signed, testenv.Zone{Name: "example", Text: `$TTL 60
@ IN SOA ns root 1 3600 600 86400 60
@ IN NS ns
ns IN A 127.0.0.1
` + usualDelegation + ds})
	testenv.Knot(t, "127.0.0.3", port, signed)
	r, page := look(t, Config{
		Target: fmt.Sprintf("zone://asso.example:%d", port),
		Zone:   zoneprobe.Config{Resolvers: []string{fmt.Sprintf("127.0.0.1:%d", port)}},
	}, Options{})
	wantReason(t, r, page, "", "")
	page.lacks(t, "probe_zone_delegation_consistent")
	page.wants(t, labelled("probe_zone_dnssec_valid", "ns2.asso.example", "127.0.0.3"), 1)
}

// TestZone_cannotBeResolved: what users get is nothing.
func TestZone_cannotBeResolved(t *testing.T) {
	t.Parallel()
	v := parent(t, usualDelegation+"held IN TXT x\n")
	for target, want := range map[string]struct{ says, phase string }{
		"asso.example":   {"no name server answers for the zone: ns1.asso.example (127.0.0.1): nothing listens there", "processing"},
		"nobody.example": {"the zone above, example, knows no nobody.example", "resolve"},
		"held.example":   {"the zone above, example, names no name servers for held.example", "resolve"},
	} {
		c := v.target
		c.Target = fmt.Sprintf("zone://%s:%d", target, v.port)
		r, page := look(t, c, Options{})
		wantReason(t, r, page, probe.DNS, want.phase)
		if !strings.Contains(r.Explain(), want.says) {
			t.Errorf("%s: it says %q", target, r.Explain())
		}
	}
}

// Where the resolver or the parent does not answer nothing is known.
func TestZone_notMeasured(t *testing.T) {
	t.Parallel()
	v := parent(t, usualDelegation)
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	elsewhere := v.target
	elsewhere.Target = fmt.Sprintf("zone://asso.example:%d", testenv.Port(t)) // no server of the parent is there
	nobody, mute := v.target, v.target
	nobody.Zone.Resolvers = []string{fmt.Sprintf("127.0.0.1:%d", testenv.Port(t))}
	mute.Zone.Resolvers = []string{silent.LocalAddr().String()}
	for says, c := range map[string]Config{
		"no server of the zone above, example, could be asked": elsewhere,
		"nothing listens there":                                nobody,
		"no answer":                                            mute,
	} {
		p, err := NewProber(c, Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		r := p.Probe(ctx)
		cancel()
		if r.Unmeasured == nil || !strings.Contains(r.Unmeasured.Error(), says) {
			t.Errorf("it says %q, not %q", r.Explain(), says)
		}
	}
}

func TestZone_signed(t *testing.T) {
	for _, c := range []struct {
		name    string
		options []string // of dnssec-signzone
		ds      func(string) string
		reason  probe.Reason
		problem string
		state   string
	}{
		{"good", nil, nil, "", "", "chained"},
		{"unchained", nil, func(string) string { return "" }, "", "", "unchained"},
		{"expired", []string{"-s", "20200101000000", "-e", "20200201000000"}, nil, probe.DNSSEC, "signature_expired", "chained"},
		{"not yet valid", []string{"-s", "now+86400", "-e", "now+172800"}, nil, probe.DNSSEC, "signature_not_yet_valid", "chained"},
		{"another key's DS", nil, func(string) string {
			_, other := testenv.Sign(t, association(1, ""))
			return other
		}, probe.DNSSEC, "ds_mismatch", "chained"},
		{"unknown algorithm", nil, func(string) string {
			return "asso IN DS 12345 16 2 0000000000000000000000000000000000000000000000000000000000000000\n"
		}, "", "", "unsupported"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			signed, ds := testenv.Sign(t, association(5, ""), c.options...)
			if c.ds != nil {
				ds = c.ds(ds)
			}
			v := parent(t, usualDelegation+ds)
			testenv.Named(t, v.port, signed)
			testenv.Knot(t, "127.0.0.3", v.port, copied())
			v.settle(t, "127.0.0.3")
			r, page := look(t, v.target, Options{})
			phase := ""
			if c.reason != "" {
				phase = "transfer"
			}
			wantReason(t, r, page, c.reason, phase)
			page.wants(t, fmt.Sprintf("probe_zone_dnssec_info{state=%q}", c.state), 1)
			server, address := "ns2.asso.example", "127.0.0.3"
			if c.state != "chained" {
				page.lacks(t, "probe_zone_dnssec_valid")
				return
			}
			page.wants(t, labelled("probe_zone_dnssec_valid", server, address), truth(c.problem == ""))
			end := page[labelled("probe_zone_signature_expiry_timestamp_seconds", server, address)]
			switch c.problem {
			case "":
				if days := (end - float64(time.Now().Unix())) / 86400; days < 29 || days > 31 {
					t.Errorf("the signatures hold for %v days, want 30", days)
				}
			case "signature_expired":
				page.wants(t, labelled("probe_zone_signature_expiry_timestamp_seconds", server, address), 1580515200)
			}
			if c.problem != "" {
				page.wants(t, fmt.Sprintf("probe_zone_dnssec_problem_info{address=%q,problem=%q,server=%q}", address, c.problem, server), 1)
			}
		})
	}
}

// One server of two has old signatures: resolvers go on to the other.
func TestZone_signaturesExpiredOnOneServer(t *testing.T) {
	t.Parallel()
	// The same keys sign twice.
	v, stale, fresh := parentOfTwice(t)
	testenv.Named(t, v.port, fresh)
	testenv.Knot(t, "127.0.0.3", v.port, stale)
	r, page := look(t, v.target, Options{})
	wantReason(t, r, page, "", "")
	page.wants(t, labelled("probe_zone_dnssec_valid", "ns1.asso.example", "127.0.0.1"), 1)
	page.wants(t, labelled("probe_zone_dnssec_valid", "ns2.asso.example", "127.0.0.3"), 0)
	if len(r.Faults) != 1 || !strings.Contains(r.Faults[0], "ended on 2020-02-01") {
		t.Errorf("faults: %q", r.Faults)
	}
}

func parentOfTwice(t *testing.T) (v *village, stale, fresh testenv.Zone) {
	t.Helper()
	fresh, ds := testenv.Sign(t, association(5, ""))
	stale, other := testenv.Sign(t, association(5, ""), "-s", "20200101000000", "-e", "20200201000000")
	return parent(t, usualDelegation+ds+other), stale, fresh
}
