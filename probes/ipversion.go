package probes

import (
	"errors"
	"net/netip"
	"strconv"

	"tocsin/internal/problem"
)

// An IPVersion is the family of addresses that a probe uses: 4, 6, 0 for
// whichever answers, or BothVersions.
type IPVersion int

// BothVersions looks over IPv4 and over IPv6, each by itself.
const BothVersions IPVersion = 46

// noVersion is what was written and is none.
const noVersion IPVersion = -1

var errVersion = errors.New("is no IP version; write 4, 6, or both to look over each by itself; leave it out to use whichever answers")

// UnmarshalText reads 4, 6 or both. What is none of them is Validate's to
// refuse: an error here would keep the rest of the entry from being read.
func (v *IPVersion) UnmarshalText(text []byte) error {
	if string(text) == "both" {
		*v = BothVersions
		return nil
	}
	n, err := strconv.ParseUint(string(text), 10, 8)
	if err != nil || n != 4 && n != 6 {
		*v = noVersion
		return nil
	}
	*v = IPVersion(n)
	return nil
}

// MarshalText writes it as the file does.
func (v IPVersion) MarshalText() ([]byte, error) {
	if v == BothVersions {
		return []byte("both"), nil
	}
	return []byte(strconv.Itoa(int(v))), nil
}

func (c *Config) validateVersion(p problem.List) {
	switch c.IPVersion {
	case 0, 4, 6:
		return
	case BothVersions:
	default:
		p.Addf("%v", errVersion)
		return
	}
	_, scheme := schemeOf(c.Target)
	e := c.entry(scheme)
	if e == nil {
		return // the target is refused already
	}
	_, err := netip.ParseAddr(e.Host())
	switch {
	case scheme.Once:
		p.Addf("both means nothing for %s://, whose look is made once, over whichever version answers; take it out, or write 4 or 6", scheme.Name)
	case e.Host() == "":
		p.Addf("both means nothing for a target without a host; take it out")
	case err == nil:
		p.Addf("both is for names, and the target is an address, which has one version; take it out")
	}
}
