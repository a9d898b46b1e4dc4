package probes

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/probes/probe"
)

// TestConfig_names reads what docs/probes/names.md shows.
func TestConfig_names(t *testing.T) {
	probes, wrong := read(t, `
- zone://asso.example
- domain://asso.example
- target: "dnsbl://mail.asso.example"
  dnsbl:
    blocklists: [zen.spamhaus.org, bl.spamcop.net]
    resolvers: [192.0.2.53]
- ntp://ntp.asso.example
- {target: "zone://autre.example:5353", zone: {resolvers: ["192.0.2.53", "[2001:db8::53]:5353"]}}
- {target: "domain://asso.de", domain: {server: "https://rdap.denic.example/"}, interval: 1d}
- {target: "dnsbl://[2001:db8::25]", dnsbl: {blocklists: [bl.example]}}
- {target: "ntp://192.0.2.123:1123", ntp: {version: 3}}
`)
	if wrong != nil {
		t.Fatal(strings.Join(wrong, "\n"))
	}
	var every []time.Duration
	for i := range probes {
		every = append(every, time.Duration(probes[i].Interval))
	}
	want := []time.Duration{5 * time.Minute, 6 * time.Hour, time.Hour, 30 * time.Second, 5 * time.Minute, 24 * time.Hour, time.Hour, 30 * time.Second}
	if !slices.Equal(every, want) {
		t.Errorf("they are made every %s, want %s", every, want)
	}
	for i := range probes {
		if told := probes[i].Told(); told == "" {
			t.Errorf("%s: nothing is said of what it sends", probes[i].Target)
		}
	}
}

func TestConfig_namesRefused(t *testing.T) {
	for entry, want := range map[string]string{
		`- {target: "zone://asso.example", zone: {resolvers: [dns.example]}}`:                                          `probes[0].zone.resolvers[0]: is no address of a name server; write an IP address, with a port if it is not 53, as 192.0.2.53 or [2001:db8::53]:5353`,
		`- {target: "zone://asso.example", zone: {resolvers: [192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4]}}`:           `probes[0].zone.resolvers: has more than 3 servers; keep those that are nearest`,
		`- {target: "zone://asso.example/www"}`:                                                                        `probes[0].target: has more than a host and a port in it; write it as zone://asso.example`,
		`- {target: "zone://192.0.2.1"}`:                                                                               `probes[0].zone: cannot be looked at by an address; write the zone's name in the target, as zone://asso.example`,
		`- {target: "domain://192.0.2.1"}`:                                                                             `probes[0].domain: cannot be asked about 192.0.2.1, which was registered by nobody; write the target as domain://asso.example`,
		`- {target: "domain://www.asso.example"}`:                                                                      `probes[0].domain: cannot be asked about www.asso.example, which is a part of asso.example; write the target as domain://asso.example`,
		`- {target: "domain://example"}`:                                                                               `probes[0].domain: cannot be asked about example, which was registered by nobody; write the target as domain://asso.example`,
		`- {target: "domain://asso.example", domain: {server: "rdap.nic.fr"}}`:                                         `probes[0].domain.server: is no address of a web server; write one as https://rdap.nic.fr/`,
		`- {target: "domain://asso.example", domain: {bootstrap: "ftp://x/"}}`:                                         `probes[0].domain.bootstrap: is no address of a web server; write one as https://data.iana.org/rdap/dns.json`,
		`- {target: "domain://asso.example", domain: {bootstrap: "https://a.example/", server: "https://b.example/"}}`: `probes[0].domain.bootstrap: finds the server, and server names it already; keep one of them`,
		`- dnsbl://mail.asso.example`:                                                                                  `probes[0].dnsbl.blocklists: is missing; write the lists to ask, as [zen.spamhaus.org, bl.spamcop.net], after reading who may ask them`,
		`- {target: "dnsbl://mail.asso.example", dnsbl: {blocklists: ["https://bl.example"]}}`:                         `probes[0].dnsbl.blocklists[0]: is no name of a list; write one as zen.spamhaus.org`,
		`- {target: "dnsbl://mail.asso.example", dnsbl: {blocklists: [bl.example, BL.example.]}}`:                      `probes[0].dnsbl.blocklists[1]: stands in blocklists[0], too; keep one of them`,
		`- {target: "ntp://ntp.asso.example", ntp: {version: 2}}`:                                                      `probes[0].ntp.version: 2 is no version of NTP that time servers speak; write 3 or 4, or leave it out`,
		`- {target: "ntp://ntp.asso.example", zone: {resolvers: [192.0.2.1]}}`:                                         `probes[0].zone: is for targets with zone://, and this one has ntp://; take it out`,
	} {
		if _, wrong := read(t, entry); !slices.Contains(wrong, want) || len(wrong) != 1 {
			t.Errorf("%s\n  says %q\n  want %q", entry, wrong, want)
		}
	}
}

// What users do not notice yet is told to Nagios as WARNING, and to people
// after UP.
func TestFaults_areToldBesideUp(t *testing.T) {
	r := Result{Target: "zone://asso.example", Success: true, Faults: []string{"ns2.asso.example (192.0.2.2): no answer"}}
	var nagios, account strings.Builder
	state, err := WriteNagios(&nagios, &r, NagiosLimits{})
	if want := "PROBE WARNING - zone://asso.example: up, but ns2.asso.example (192.0.2.2): no answer |"; err != nil || state != NagiosWarning || !strings.HasPrefix(nagios.String(), want) {
		t.Errorf("%s (%v), want %s", nagios.String(), err, want)
	}
	if err := WriteText(&account, &r, false); err != nil || !strings.Contains(account.String(), "UP after") || !strings.Contains(account.String(), "\nbut ns2.asso.example (192.0.2.2): no answer\n") {
		t.Errorf("%s (%v)", account.String(), err)
	}
	r.Success, r.Reason, r.Err = false, probe.DNSSEC, errors.New("expired")
	nagios.Reset()
	if state, err := WriteNagios(&nagios, &r, NagiosLimits{}); err != nil || state != NagiosCritical {
		t.Errorf("%s (%v)", nagios.String(), err)
	}
}
