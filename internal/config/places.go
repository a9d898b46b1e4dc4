package config

import (
	"slices"
	"strings"

	"tocsin/internal/problem"
	"tocsin/internal/strict"
)

// places refuses probes that are to be made by an instance that the site has
// not, or that cannot be told to another one.
func (s *Site) places(p problem.List) {
	known := []string{s.HostName()}
	for _, h := range s.Hosts {
		known = append(known, h.Name)
	}
	s.holders(p, known)
	for i := range s.Probes {
		c, at := &s.Probes[i], p.At("probes").Index(i)
		travels := false
		for j, name := range c.From {
			if slices.Contains(known, name) || name == "" {
				travels = travels || name != s.HostName()
				continue
			}
			hint := "write it under hosts first"
			if near := nearestHost(name, known); near != "" {
				hint = "did you mean " + near + "?"
			}
			at.At("from").Index(j).Addf("%s is neither this machine, %s, nor one of hosts; %s", quote(name), s.HostName(), hint)
		}
		if !travels {
			continue
		}
		if _, err := c.Travelling(); err != nil {
			at.At("from").Addf("%v; take that out, or have the probe made here alone", err)
		}
		if here := c.HereAlone(); here != "" && !slices.Contains(c.From, s.HostName()) {
			at.At("from").Addf("has not this machine, %s, which alone looks after %s; write it there, too, or take that out", s.HostName(), here)
		}
	}
}

// TellsAddresses tells whether this instance is the one that tells which hosts
// may hold the addresses that move, and where the DNS leads: it knows the hosts.
func (s *Site) TellsAddresses() bool { return len(s.Hosts) > 0 || !s.Engine.Off }

// holders refuses addresses of hosts that the site has not. A plain exporter
// does not know the hosts: it tells of itself alone.
func (s *Site) holders(p problem.List, known []string) {
	for i := range s.Addresses {
		at := p.At("addresses").Index(i).At("hosts")
		names := s.Addresses[i].Hosts
		if !s.TellsAddresses() {
			if !slices.Contains(names, s.HostName()) {
				at.Addf("has not this machine, %s, which knows no other; write it there, or take the entry away", s.HostName())
			}
			continue
		}
		for j, name := range names {
			if slices.Contains(known, name) || name == "" {
				continue
			}
			hint := "write it under hosts first"
			if near := nearestHost(name, known); near != "" {
				hint = "did you mean " + near + "?"
			}
			at.Index(j).Addf("%s is neither this machine, %s, nor one of hosts; %s", quote(name), s.HostName(), hint)
		}
	}
}

// nearestHost finds what was probably meant, a short name for a long one too.
func nearestHost(name string, known []string) string {
	for _, k := range known {
		if short, _, _ := strings.Cut(k, "."); short == name {
			return k
		}
	}
	return strict.Nearest(name, known)
}
