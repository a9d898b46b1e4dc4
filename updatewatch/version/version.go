package version

import (
	"errors"
	"strings"

	"tocsin/internal/debian"
	"tocsin/internal/lazy"
)

// A Scheme is how versions are read and ordered.
type Scheme string

// The schemes.
const (
	// Loose suits nearly all software: pre-release words sort before the
	// release, all else as dpkg orders it.
	Loose Scheme = "loose"
	// Deb is dpkg's order as it is, for versions of Debian packages.
	Deb Scheme = "deb"
)

// Schemes lists all schemes.
func Schemes() []Scheme { return []Scheme{Loose, Deb} }

// longest is how long a version may be. The longest among real tags has 46
// bytes.
const longest = 64

// ErrNoVersion is returned for a text that is no version.
var ErrNoVersion = errors.New("no version")

// A Version is a version that can be compared with others of its scheme. The
// zero value is none.
type Version struct {
	text string // as people write it, without a leading v
	key  string // as dpkg orders it
	pre  bool
}

// Parse reads a version. It refuses, with ErrNoVersion, what does not begin
// with a number (a leading v apart), what looks like the hash of a commit, and
// what is longer than 64 bytes or has signs that no version has.
func (s Scheme) Parse(text string) (Version, error) {
	cut, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	plain := dropV(cut)
	if plain == "" || len(plain) > longest || !isDigit(plain[0]) || !sound().MatchString(plain) || isHash(cut) {
		return Version{}, ErrNoVersion
	}
	if s == Deb {
		return Version{text: plain, key: plain, pre: strings.Contains(plain, "~rc") || strings.Contains(plain, "~beta") || strings.Contains(plain, "~alpha")}, nil
	}
	key := mangle(cut)
	return Version{text: plain, key: key, pre: strings.Contains(key, "~") && !strings.Contains(plain, "~")}, nil
}

var sound = lazy.Regexp(`^[0-9][0-9A-Za-z.+:~_-]*$`)

// isHash tells the abbreviated hash of a commit from a number.
func isHash(text string) bool {
	if len(text) < 7 || len(text) > 40 || digits(text) == len(text) {
		return false
	}
	for i := range len(text) {
		if !isDigit(text[i]) && (text[i] < 'a' || text[i] > 'f') {
			return false
		}
	}
	return true
}

// String returns the version as people write it.
func (v Version) String() string { return v.text }

// IsZero tells whether there is no version.
func (v Version) IsZero() bool { return v.text == "" }

// Prerelease tells whether the version says of itself that it comes before a
// release: by alpha, beta, rc and the like.
func (v Version) Prerelease() bool { return v.pre }

// Compare returns -1 if v is older than w, 1 if it is newer, else 0. Both must
// be of one scheme.
func (v Version) Compare(w Version) int { return debian.Compare(v.key, w.key) }

// Line returns the release line that v belongs to: its first n numbers, as
// 11.9 of 11.9.1. It has fewer where the version has.
func (v Version) Line(n int) string {
	if n <= 0 {
		return ""
	}
	_, rest, ok := strings.Cut(v.text, ":") // an epoch is no part of the line
	if !ok {
		rest = v.text
	}
	parts := numbers(rest)
	return strings.Join(parts[:min(n, len(parts))], ".")
}

// numbers returns the leading numbers of a version, as written.
func numbers(text string) []string {
	var all []string
	for text != "" {
		n := digits(text)
		if n == 0 {
			break
		}
		all = append(all, text[:n])
		text = text[n:]
		if text == "" || text[0] != '.' {
			break
		}
		text = text[1:]
	}
	return all
}

// Coarser tells whether v says less than w and agrees with all of it: 8.7 of a
// server that does not tell its patch level, beside 8.7.1.
func (v Version) Coarser(w Version) bool {
	short, long := numbers(v.text), numbers(w.text)
	if strings.Join(short, ".") != v.text || len(short) >= len(long) {
		return false
	}
	for i := range short {
		if debian.Compare(short[i], long[i]) != 0 {
			return false
		}
	}
	return true
}

// digits returns how many digits s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }
