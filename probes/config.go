package probes

import (
	"errors"
	"net/url"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"tocsin/probes/dnsprobe"
	"tocsin/probes/grpcprobe"
	"tocsin/probes/httpprobe"
	"tocsin/probes/icmpprobe"
	"tocsin/probes/protocol"
	"tocsin/probes/tcpprobe"
	"tocsin/probes/tlscheck"
	"tocsin/probes/unixprobe"
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
	// On is the host that the service runs on.
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

	// TLS is how TLS is negotiated, where the protocol has it.
	TLS tlscheck.Config `yaml:",inline"`
	// StartTLS begins without TLS and then asks for it, as mail servers want it.
	StartTLS bool `yaml:"starttls,omitempty"`
	// Login is who asks, where the protocol lets somebody log in.
	Login protocol.Login `yaml:",inline"`
	// IPVersion is 4 or 6 to use that family only.
	IPVersion int `yaml:"ip_version,omitempty"`

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
	// Unix is for unix:// targets: what is said and must be answered.
	Unix unixprobe.Config `yaml:"unix,omitempty"`
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
