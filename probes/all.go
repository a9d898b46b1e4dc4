package probes

import (
	"strings"

	"tocsin/internal/frame"
	"tocsin/probes/httpprobe"
	"tocsin/probes/probe"
)

// A protocol is a scheme of targets, and what serves it.
type protocol struct {
	scheme   string
	example  string
	prober   func(*Config, *Options) (probe.Prober, error)
	families func() []*frame.Family
}

// all lists every protocol that probes can speak: add one here.
func all() []protocol {
	return []protocol{
		{"https", "https://portail.ville.example", newHTTP, httpprobe.Families},
		{"http", "http://portail.ville.example", newHTTP, httpprobe.Families},
	}
}

// Schemes lists the schemes that a target may have.
func Schemes() []string {
	var schemes []string
	for _, p := range all() {
		schemes = append(schemes, p.scheme)
	}
	return schemes
}

// Families lists all that probes can export, for the check of rules and panels.
func Families() []*frame.Family {
	families := common()
	seen := map[string]bool{}
	for _, p := range all() {
		for _, f := range p.families() {
			if !seen[f.Name] {
				seen[f.Name] = true
				families = append(families, f)
			}
		}
	}
	return families
}

// protocolOf finds the protocol of a target by its scheme.
func protocolOf(target string) (protocol, bool) {
	scheme, _, _ := strings.Cut(target, "://")
	for _, p := range all() {
		if strings.EqualFold(p.scheme, scheme) {
			return p, true
		}
	}
	return protocol{}, false
}
