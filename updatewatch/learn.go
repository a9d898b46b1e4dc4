package updatewatch

import (
	"net/url"
	"slices"
	"time"

	"tocsin/updatewatch/forge"
	"tocsin/updatewatch/version"
)

// seen is one release of an answer with its version.
type seen struct {
	version version.Version
	from    forge.Release
}

// sift finds the releases in an answer: those whose tag fits the pattern and
// is a version, each version once, the newest first; and how many others there
// were.
func (w *watched) sift(all []forge.Release) (found []seen, rejected int) {
	for _, r := range all {
		text, ok := w.pattern.Extract(r.Tag)
		if !ok {
			rejected++
			continue
		}
		v, err := w.scheme().Parse(text)
		if err != nil {
			rejected++
			continue
		}
		found = append(found, seen{v, r})
	}
	slices.SortStableFunc(found, func(a, b seen) int { return b.version.Compare(a.version) })
	return slices.CompactFunc(found, func(a, b seen) bool { return a.version.Compare(b.version) == 0 }), rejected
}

// learn adds an answer to what is known of the project. A version that was
// known, or is not above its line's newest, is no news: tags are made anew at
// times, and old ones must not be told again.
func (w *watched) learn(k *known, a forge.Answer, now time.Time) {
	found, rejected := w.sift(a.Releases)
	k.Rejected = rejected
	first := k.Since.IsZero()
	var have []version.Version
	newest := map[string]version.Version{} // of each line, finished releases only
	var top version.Version
	note := func(v version.Version) {
		line := v.Line(w.Line)
		if old, ok := newest[line]; !ok || v.Compare(old) > 0 {
			newest[line] = v
		}
		if top.IsZero() || v.Compare(top) > 0 {
			top = v
		}
	}
	for _, r := range k.Versions {
		v, err := w.scheme().Parse(r.Version)
		if err != nil {
			continue
		}
		have = append(have, v)
		if !r.Pre || w.Prereleases {
			note(v)
		}
	}
	overlap := false
	for _, s := range slices.Backward(found) { // the oldest first, so that two of one line are both news
		// One version may be written in two ways: 2.5.3 and 2.5.03.
		if slices.ContainsFunc(have, func(v version.Version) bool { return v.Compare(s.version) == 0 }) {
			overlap = true
			continue
		}
		r := release{
			Version: s.version.String(), URL: w.link(s.from.URL), Seen: now, Published: s.from.Published,
			Pre: s.from.Prerelease || s.version.Prerelease(), Security: s.from.Security, Advisories: s.from.Advisories,
		}
		if !r.Pre || w.Prereleases {
			old, ok := newest[s.version.Line(w.Line)]
			above := !ok || s.version.Compare(old) > 0
			r.News = !first && above
			r.First = r.News && !ok && s.version.Compare(top) > 0
			note(s.version)
		}
		k.Versions = append(k.Versions, r)
	}
	k.Overrun = !first && !overlap && len(found) > 0 && a.Partial
	slices.SortStableFunc(k.Versions, func(a, b release) int { return w.parse(b.Version).Compare(w.parse(a.Version)) })
	if len(k.Versions) > maxKnown {
		k.Versions = slices.Clone(k.Versions[:maxKnown])
	}
	if first {
		k.Since = now
	}
}

// link keeps the address of a release's page, if it is one on the host that
// was asked, or the host that the repository is on: people will follow it.
func (w *watched) link(text string) string {
	u, err := url.Parse(text)
	if err != nil || len(text) > 1024 || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return ""
	}
	if own, err := url.Parse(w.source.URL); u.Host != w.host && (err != nil || u.Host != own.Host) {
		return ""
	}
	return u.String()
}
