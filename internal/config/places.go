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
			at.At("from").Addf("another instance cannot be told %s: secrets, files and what changes something stay on this machine; "+
				"take that out, or have the probe made here alone", err)
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
