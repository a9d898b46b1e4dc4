package packages

import (
	"io"
	"strings"
	"time"

	"tocsin/internal/debian"
)

// maxRelease bounds what is read of a Release file, in bytes. What is wanted
// stands at its beginning; after that come hashes.
const maxRelease = 64 << 10

// A release is what a Release or InRelease file says of a suite
// (https://wiki.debian.org/DebianRepository/Format).
type release struct {
	origin, label, suite, codename, version string
	// notAutomatic suites are not upgraded to; automaticUpgrades beside it
	// lets what was installed from them be upgraded from them.
	notAutomatic, automaticUpgrades bool
	validUntil                      time.Time // apt refuses the lists after it; zero: it is not said
}

// readRelease reads the file's first stanza; an InRelease file has the armour
// of its signature around it, which counts as a stanza.
func readRelease(r io.Reader) (release, error) {
	in := debian.NewScanner(io.LimitReader(r, maxRelease),
		"Origin", "Label", "Suite", "Codename", "Version", "NotAutomatic", "ButAutomaticUpgrades", "Valid-Until", "Date")
	for in.Scan() {
		if in.Value(2) == nil && in.Value(3) == nil && in.Value(8) == nil {
			continue
		}
		rel := release{
			origin: in.Text(0), label: in.Text(1), suite: in.Text(2), codename: in.Text(3), version: in.Text(4),
			notAutomatic: in.Text(5) == "yes", automaticUpgrades: in.Text(6) == "yes",
		}
		if until, err := time.Parse(time.RFC1123, in.Text(7)); err == nil {
			rel.validUntil = until
		}
		return rel, nil
	}
	return release{}, in.Err()
}

// name is what apt_info.py calls an origin.
func (r *release) name() string { return r.origin + ":" + r.codename + "/" + r.suite }

// security tells whether the suite has security updates: Debian's by its
// label, which holds whatever the suite is called as it grows old; Ubuntu's,
// its extended ones and derivatives' by the suite's name.
func (r *release) security() bool {
	return r.label == "Debian-Security" || strings.HasSuffix(r.suite, "-security") || strings.HasSuffix(r.codename, "-security")
}
