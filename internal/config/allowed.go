package config

import (
	"net"
	"net/url"

	"tocsin/probes/allow"
)

// Allowed is what may be probed: by GET /probe, and by the site's own probes
// where they are led somewhere.
func (s *Site) Allowed() *allow.List {
	all := s.AllProbes()
	own := make([]allow.Target, 0, len(all))
	for i := range all {
		own = append(own, all[i].Place())
	}
	var named []string
	for _, b := range s.composed {
		if u, err := url.Parse(b.URL); err == nil {
			named = append(named, u.Hostname())
		}
	}
	for _, h := range s.Hosts {
		host, _, err := net.SplitHostPort(h.Address)
		if err != nil {
			host = h.Address
		}
		named = append(named, host)
	}
	return allow.New(s.ProbeAllow, own, named)
}
