package probes

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
)

// maxSlug bounds a page's id.
const maxSlug = 64

// Slug returns the id of the probe's page: its name, or else its target's host
// and path in letters that a path may have. Two targets have two slugs: where
// letters had to be changed, a sum of the whole target follows.
func (c *Config) Slug() string {
	if c.Name != "" {
		s, _ := plain(c.Name)
		return s
	}
	u, err := url.Parse(c.Target)
	if err != nil {
		return ""
	}
	text := strings.ToLower(u.Host) + strings.TrimSuffix(u.EscapedPath(), "/")
	s, exact := plain(text)
	if u.Scheme != "https" {
		s = u.Scheme + "_" + s
	}
	if exact && len(s) <= maxSlug && u.RawQuery == "" && !strings.Contains(u.Host, "_") && strings.HasSuffix(u.EscapedPath(), "/") == (u.EscapedPath() == "/") {
		return s
	}
	sum := sha256.Sum256([]byte(c.Target))
	tail := "-" + hex.EncodeToString(sum[:4])
	return strings.TrimRight(s[:min(len(s), maxSlug-len(tail))], "-._") + tail
}

// plain changes text to small letters, digits, dots, dashes and underlines,
// and tells whether different texts stay different by it.
func plain(text string) (string, bool) {
	var b strings.Builder
	exact := true
	for _, r := range text {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '-':
			b.WriteRune(r)
		case r == '/':
			b.WriteByte('_')
		case r >= 'A' && r <= 'Z':
			exact = false
			b.WriteRune(r + 'a' - 'A')
		case r == '_':
			exact = false
			b.WriteByte('_')
		default:
			exact = false
			b.WriteByte('-')
		}
	}
	s := strings.Trim(b.String(), "-._")
	if len(s) > maxSlug {
		exact = false
		s = strings.TrimRight(s[:maxSlug], "-._")
	}
	return s, exact && s == b.String()
}
