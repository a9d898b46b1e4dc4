package probes

import (
	"errors"
	"net/url"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"tocsin/probes/dnsblprobe"
	"tocsin/probes/dnsprobe"
	"tocsin/probes/domainprobe"
	"tocsin/probes/grpcprobe"
	"tocsin/probes/httpprobe"
	"tocsin/probes/icmpprobe"
	"tocsin/probes/ldapprobe"
	"tocsin/probes/maildns"
	"tocsin/probes/mailtrip"
	"tocsin/probes/mumbleprobe"
	"tocsin/probes/ntpprobe"
	"tocsin/probes/protocol"
	"tocsin/probes/sipprobe"
	"tocsin/probes/smtpprobe"
	"tocsin/probes/sshprobe"
	"tocsin/probes/tcpprobe"
	"tocsin/probes/tlscheck"
	"tocsin/probes/unixprobe"
	"tocsin/probes/websocketprobe"
	"tocsin/probes/zoneprobe"
)

// What a probe has that the site file does not say.
const (
	DefaultInterval      = 30 * time.Second
	DefaultRetryInterval = 5 * time.Second
	DefaultTimeout       = 10 * time.Second
)

// Config is one entry of the list probes of the site file. It may be written
// as a target alone.
type Config struct {
	// Target is the URL to look at; its scheme says how.
	Target string `yaml:"target"`
	// Name is what the probe is called on pages; made of the target if left out.
	Name string `yaml:"name,omitempty"`
	// On is the host that the service runs on; this machine, if left out where
	// the target is localhost, a socket, or this machine by its name.
	On string `yaml:"on,omitempty"`
	// From are the instances of the site that look: names of hosts, and of this
	// machine; this machine alone if left out. Another one is asked over its
	// GET /probe, and must have the target in its probe_allow.
	From []string `yaml:"from,omitempty"`
	// Job and Instance replace the labels that Tocsin would choose, so that a
	// migrated site keeps its old ones.
	Job           string            `yaml:"job,omitempty"`
	InstanceLabel string            `yaml:"instance,omitempty"`
	Labels        map[string]string `yaml:"labels,omitempty"`

	// Interval is how often to look: as intervals says for the whole site, or
	// what the protocol finds bearable where a look is dear to somebody.
	Interval      model.Duration `yaml:"interval,omitempty"`
	RetryInterval model.Duration `yaml:"retry_interval,omitempty"` // after a failure
	Timeout       model.Duration `yaml:"timeout,omitempty"`        // for the whole look, redirects included

	// Expect is closed for a port that must not answer from here, as a database
	// from the outside: the probe then fails when it does.
	Expect string `yaml:"expect,omitempty"`

	// TLS is how TLS is negotiated, where the protocol has it.
	TLS tlscheck.Config `yaml:",inline"`
	// StartTLS begins without TLS and then asks for it, as mail servers want it.
	StartTLS bool `yaml:"starttls,omitempty"`
	// Login is who asks, where the protocol lets somebody log in.
	Login protocol.Login `yaml:",inline"`
	// IPVersion is 4 or 6 to use that family only, or both to look over each of
	// them by itself: the page then says of each whether it works, beside what
	// a user of both gets. A family that the name has no address of is no fault.
	IPVersion IPVersion `yaml:"ip_version,omitempty"`

	// What follows is each protocol's own; only the target's may be written.

	HTTP httpprobe.Config `yaml:",inline"`
	// TCP is for tcp:// and tls:// targets: what is said and must be answered.
	TCP tcpprobe.Config `yaml:"tcp,omitempty"`
	// DNS is for dns:// targets: what is asked, and what the answer must be.
	DNS dnsprobe.Config `yaml:"dns,omitempty"`
	// ICMP is for icmp:// targets: what a ping is like.
	ICMP icmpprobe.Config `yaml:"icmp,omitempty"`
	// GRPC is for grpc:// and grpcs:// targets: whose health is asked for.
	GRPC grpcprobe.Config `yaml:"grpc,omitempty"`
	// LDAP is for ldap:// and ldaps:// targets: what is searched for.
	LDAP ldapprobe.Config `yaml:"ldap,omitempty"`
	// SSH is for ssh:// targets: which host keys are the server's.
	SSH sshprobe.Config `yaml:"ssh,omitempty"`
	// WebSocket is for ws:// and wss:// targets: what is said once the server
	// has turned to WebSocket.
	WebSocket websocketprobe.Config `yaml:"websocket,omitempty"`
	// Mumble is for mumble:// targets, which have no keys of their own.
	Mumble mumbleprobe.Config `yaml:"-"`
	// SIP is for sip:// and sips:// targets: how a telephone server is asked.
	SIP sipprobe.Config `yaml:"sip,omitempty"`
	// Unix is for unix:// targets: what is said and must be answered.
	Unix unixprobe.Config `yaml:"unix,omitempty"`
	// SMTP is for smtp:// and smtps:// targets: what mail the server is asked
	// to take, and what it must not do.
	SMTP smtpprobe.Config `yaml:"smtp,omitempty"`
	// MailDNS is for maildns:// targets: what a domain must say of its mail.
	MailDNS maildns.Config `yaml:"maildns,omitempty"`
	// MailTrip is for mailtrip:// targets: a message that is sent, and fetched
	// where it comes to.
	MailTrip mailtrip.Config `yaml:"mailtrip,omitempty"`
	// NTP is for ntp:// targets: how the time is asked for.
	NTP ntpprobe.Config `yaml:"ntp,omitempty"`
	// Zone is for zone:// targets: who finds the zone's name servers.
	Zone zoneprobe.Config `yaml:"zone,omitempty"`
	// Domain is for domain:// targets: whom to ask until when it is registered.
	Domain domainprobe.Config `yaml:"domain,omitempty"`
	// DNSBL is for dnsbl:// targets: the blocklists to ask.
	DNSBL dnsblprobe.Config `yaml:"dnsbl,omitempty"`
}

// Shape lets an entry be written as its target alone.
func (c *Config) Shape(kind yaml.Kind, scalar string) (any, error) {
	switch kind {
	case yaml.ScalarNode:
		c.Target = scalar
		return nil, nil //nolint:nilnil // the scalar has told everything
	case yaml.MappingNode:
		type plain Config
		return (*plain)(c), nil
	}
	return nil, errors.New("must be a URL, as https://portail.ville.example, or a mapping with target")
}

// SetDefaults fills what the site file left out. Intervals that are set for
// the whole site are to be filled in before, by SetTimes.
func (c *Config) SetDefaults() {
	fill(&c.Job, "probe")
	c.SetTimes(model.Duration(DefaultInterval), model.Duration(DefaultRetryInterval))
	if known, _ := schemeOf(c.Target); known != nil {
		known.section(c).SetDefaults()
	} else {
		c.HTTP.SetDefaults() // its keys are the entry's own, whose defaults are told
	}
}

func fill[T comparable](v *T, with T) {
	var zero T
	if *v == zero {
		*v = with
	}
}

// Instance returns the value of the label instance: what the site file says,
// or else the target without its query, which may hold a token.
func (c *Config) Instance() string {
	if c.InstanceLabel != "" {
		return c.InstanceLabel
	}
	u, err := url.Parse(c.Target)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	return u.String()
}
