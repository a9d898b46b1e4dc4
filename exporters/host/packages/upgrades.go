package packages

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tocsin/internal/debian"
)

// upgrades are what apt would upgrade, in numbers of packages.
type upgrades struct {
	pending, held, phased map[origin]int
	security              map[string]int // by origin; each that has security updates is there, with 0 too
	onHold                int            // packages that are held, with an upgrade or without
	lists                 int            // lists that were read whole
	expiry                map[string]time.Time
	config                conf
}

// An origin is where a version comes from, and for which architecture it is.
type origin struct{ name, arch string }

// readUpgrades works out what apt would upgrade on the machine whose files
// lie under root. What could be worked out comes with the error.
func readUpgrades(ctx context.Context, root string) (*upgrades, error) {
	installed, choice, config, err := newChoice(ctx, root)
	if choice == nil {
		return nil, err
	}
	u := &upgrades{
		pending: map[origin]int{}, held: map[origin]int{}, phased: map[origin]int{},
		security: map[string]int{}, expiry: map[string]time.Time{}, config: config,
	}
	u.note(choice.sources)
	for _, k := range installed.all {
		u.count(choice, k)
	}
	return u, err
}

// newChoice reads all that apt chooses by: what is installed, what the lists
// offer, and the settings. What could be read comes with the error; without
// the list of what is installed there is nothing to choose from.
func newChoice(ctx context.Context, root string) (*inventory, *policy, conf, error) {
	installed, err := readInventory(filepath.Join(root, "var/lib/dpkg/status"))
	if installed == nil {
		return nil, nil, nil, err
	}
	errs := []error{err}
	etc := filepath.Join(root, "etc/apt")
	config, err := readConf(etc)
	errs = append(errs, err)
	pins, err := readPins(etc)
	errs = append(errs, err)
	lists, err := findSources(filepath.Join(root, "var/lib/apt/lists"))
	errs = append(errs, err)
	for i, s := range lists {
		if err := ctx.Err(); err != nil {
			return nil, nil, nil, err
		}
		errs = append(errs, s.read(ctx, i+1, installed))
	}
	sources := append([]*source{{installed: true, release: release{suite: "now"}}}, lists...)
	choice, err := newPolicy(sources, pins, config["apt::default-release"], installed.native)
	return installed, choice, config, errors.Join(append(errs, err)...)
}

// note keeps what is said of the lists themselves. An origin of which a list
// could not be read whole has no security updates that could be counted.
func (u *upgrades) note(sources []*source) {
	var cut []string
	for _, s := range sources {
		name := s.release.name()
		switch {
		case s.installed:
			continue
		case !s.whole:
			cut = append(cut, name)
			continue
		case s.release.security():
			u.security[name] = 0
		}
		u.lists++
		until := s.release.validUntil
		if known, ok := u.expiry[name]; !until.IsZero() && (!ok || until.Before(known)) {
			u.expiry[name] = until
		}
	}
	for _, name := range cut {
		delete(u.security, name)
	}
}

// count sorts one package in.
func (u *upgrades) count(choice *policy, k *pkg) {
	if k.held {
		u.onHold++
	}
	now := choice.candidate(k, func(v *version) bool { return !choice.phased(k, v) })
	switch later := choice.candidate(k, func(*version) bool { return true }); {
	case newer(now, k.current):
		from := choice.origin(now)
		u.pending[from]++
		if k.held {
			u.held[from]++
		}
		u.countSecurity(choice, k, now)
	case newer(later, k.current):
		u.phased[choice.origin(later)]++
	}
}

// countSecurity counts a package to the origin of its newest security update
// that is not installed, up to the version that would be: a later one from
// elsewhere has the fix too.
func (u *upgrades) countSecurity(choice *policy, k *pkg, chosen *version) {
	var newest *version
	for _, v := range k.versions {
		if newer(v, k.current) && !newer(v, chosen) && choice.security(v) && (newest == nil || newer(v, newest)) {
			newest = v
		}
	}
	if newest == nil {
		return
	}
	for _, number := range newest.from {
		if rel := choice.sources[number].release; rel.security() {
			u.security[rel.name()]++
			return
		}
	}
}

// newer tells whether a is a later version than b.
func newer(a, b *version) bool { return a != nil && debian.Compare(a.text, b.text) > 0 }

// origin names where a version comes from as apt_info.py does: all its
// origins, sorted and joined by commas.
func (p *policy) origin(v *version) origin {
	var names []string
	for _, number := range v.from {
		names = append(names, p.sources[number].release.name())
	}
	slices.Sort(names)
	return origin{strings.Join(slices.Compact(names), ","), v.arch}
}
