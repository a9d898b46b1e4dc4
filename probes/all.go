package probes

import (
	"strings"

	"tocsin/internal/frame"
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
	"tocsin/probes/unixprobe"
	"tocsin/probes/websocketprobe"
	"tocsin/probes/zoneprobe"
)

// known is a protocol and where its keys lie in an entry.
type known struct {
	protocol.Protocol
	section func(*Config) protocol.Section
}

// all lists every protocol that probes can speak: add one here, and the field
// that its keys are in to Config.
func all() []known {
	return []known{
		{httpprobe.Protocol(), func(c *Config) protocol.Section { return &c.HTTP }},
		{tcpprobe.Protocol(), func(c *Config) protocol.Section { return &c.TCP }},
		{dnsprobe.Protocol(), func(c *Config) protocol.Section { return &c.DNS }},
		{icmpprobe.Protocol(), func(c *Config) protocol.Section { return &c.ICMP }},
		{grpcprobe.Protocol(), func(c *Config) protocol.Section { return &c.GRPC }},
		{ldapprobe.Protocol(), func(c *Config) protocol.Section { return &c.LDAP }},
		{sshprobe.Protocol(), func(c *Config) protocol.Section { return &c.SSH }},
		{websocketprobe.Protocol(), func(c *Config) protocol.Section { return &c.WebSocket }},
		{mumbleprobe.Protocol(), func(c *Config) protocol.Section { return &c.Mumble }},
		{sipprobe.Protocol(), func(c *Config) protocol.Section { return &c.SIP }},
		{unixprobe.Protocol(), func(c *Config) protocol.Section { return &c.Unix }},
		{smtpprobe.Protocol(), func(c *Config) protocol.Section { return &c.SMTP }},
		{maildns.Protocol(), func(c *Config) protocol.Section { return &c.MailDNS }},
		{mailtrip.Protocol(), func(c *Config) protocol.Section { return &c.MailTrip }},
		{ntpprobe.Protocol(), func(c *Config) protocol.Section { return &c.NTP }},
		{zoneprobe.Protocol(), func(c *Config) protocol.Section { return &c.Zone }},
		{domainprobe.Protocol(), func(c *Config) protocol.Section { return &c.Domain }},
		{dnsblprobe.Protocol(), func(c *Config) protocol.Section { return &c.DNSBL }},
	}
}

// Schemes lists the schemes that a target may have.
func Schemes() []string {
	var schemes []string
	for _, p := range all() {
		for _, s := range p.Schemes {
			schemes = append(schemes, s.Name)
		}
	}
	return schemes
}

// Families lists all that probes can export, for the check of rules and panels.
func Families() []*frame.Family {
	families := append(common(), versionFamilies()...)
	seen := map[string]bool{}
	for _, p := range all() {
		for _, f := range p.Families() {
			if !seen[f.Name] {
				seen[f.Name] = true
				families = append(families, f)
			}
		}
	}
	return families
}

// schemeOf finds the protocol of a target, and its scheme there; nil for what
// no protocol knows.
func schemeOf(target string) (*known, *protocol.Scheme) {
	name, _, ok := strings.Cut(target, "://")
	if !ok {
		return nil, nil
	}
	for _, p := range all() {
		for i := range p.Schemes {
			if strings.EqualFold(p.Schemes[i].Name, name) {
				return &p, &p.Schemes[i]
			}
		}
	}
	return nil, nil
}
