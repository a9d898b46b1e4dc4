package packages

import (
	"tocsin/internal/debian"
)

// Priorities that apt gives by itself (apt_preferences(5)).
const (
	priorityInstalled    = 100
	priorityNotAutomatic = 1
	priorityUpgradesOnly = 100
	priorityUsual        = 500
	priorityDefault      = 990  // of APT::Default-Release
	priorityDowngrade    = 1000 // from here on even an older version is chosen
)

// A policy chooses among the versions of a package as apt does
// (apt-pkg/policy.cc).
type policy struct {
	sources []*source // the first is dpkg's status
	pins    []pin     // those about packages; the first that fits wins
	native  string
}

// newPolicy sets the sources' priorities: the first general pin that fits, or
// else what its Release file asks for.
func newPolicy(sources []*source, pins []pin, defaultRelease, native string) (*policy, error) {
	p := &policy{sources: sources, native: native}
	var general []pin
	var err error
	if defaultRelease != "" {
		var of target
		of, err = newTarget("release", defaultRelease)
		if err == nil && !of.nothing {
			general = append(general, pin{general: true, of: of, priority: priorityDefault})
		}
	}
	for _, pin := range pins {
		if pin.general {
			general = append(general, pin)
		} else {
			p.pins = append(p.pins, pin)
		}
	}
	for _, s := range sources {
		s.priority = usual(s)
		fixed := false
		for _, pin := range general {
			// What must never be installed stays so, whatever stands before.
			if pin.of.fits(s) && (!fixed || pin.priority == never) {
				s.priority, fixed = pin.priority, true
			}
		}
	}
	return p, err
}

func usual(s *source) int {
	switch {
	case s.installed:
		return priorityInstalled
	case s.release.automaticUpgrades && s.release.notAutomatic:
		return priorityUpgradesOnly
	case s.release.notAutomatic:
		return priorityNotAutomatic
	default:
		return priorityUsual
	}
}

// priority of a version: that of the first pin about it, or else the highest
// of its sources.
func (p *policy) priority(k *pkg, v *version) int {
	highest := never
	for _, number := range v.from {
		highest = max(highest, p.sources[number].priority)
	}
	for i := range p.pins {
		pin := &p.pins[i]
		if !pin.about(k.name, v.source, k.arch, p.native) || !p.meant(&pin.of, v) {
			continue
		}
		if highest == never { // a source that must never be used is not used by a pin
			return never
		}
		return pin.priority
	}
	return highest
}

// meant tells whether a pin is about this version.
func (p *policy) meant(t *target, v *version) bool {
	if t.version != nil {
		return t.version(v.text)
	}
	for _, number := range v.from {
		if t.fits(p.sources[number]) {
			return true
		}
	}
	return false
}

// candidate returns the version that apt would have installed: of those with
// the highest priority the newest, but an older one than the current only by
// a priority that is meant for it. allowed says which versions may be chosen.
// It is nil when there is none.
func (p *policy) candidate(k *pkg, allowed func(*version) bool) *version {
	var best *version
	highest := -1
	for _, v := range k.versions {
		n := p.priority(k, v)
		if n <= 0 || n < highest || !allowed(v) {
			continue
		}
		if n < priorityDowngrade && debian.Compare(v.text, k.current.text) < 0 {
			continue
		}
		if n > highest || debian.Compare(v.text, best.text) > 0 {
			best, highest = v, n
		}
	}
	return best
}

// phased tells whether an update is not for all machines yet. Ubuntu's updates
// come by steps (Phased-Update-Percentage), but not those that bring a fix of
// security along: an older one that is not installed yet has it.
func (p *policy) phased(k *pkg, v *version) bool {
	if v.phase >= 100 || v == k.current {
		return false
	}
	for _, other := range k.versions {
		if debian.Compare(other.text, v.text) < 0 && debian.Compare(other.text, k.current.text) > 0 && p.security(other) {
			return false
		}
	}
	return true
}

// security tells whether a source of security updates has this version.
func (p *policy) security(v *version) bool {
	for _, number := range v.from {
		if p.sources[number].release.security() {
			return true
		}
	}
	return false
}
