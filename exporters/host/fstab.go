//go:build linux

package host

import (
	"path"
	"slices"
	"strings"
)

// A fstabEntry is a line of /etc/fstab (fstab(5)).
type fstabEntry struct {
	source  string // what is mounted: a path, UUID=..., a file server
	point   string // where; empty for swap
	options []string
}

func (e fstabEntry) has(option string) bool { return slices.Contains(e.options, option) }

// parseFstabLine reads a line that is neither empty nor a comment. What is
// mounted nowhere, but for swap, is none of the entries that are told of.
func parseFstabLine(line []byte) (e fstabEntry, told, ok bool) {
	fields := strings.Fields(string(line))
	if len(fields) < 3 {
		return e, false, false
	}
	e.source = unescape([]byte(fields[0]))
	if len(fields) > 3 {
		e.options = strings.Split(fields[3], ",")
	}
	if fields[2] == "swap" {
		return e, true, true
	}
	point := unescape([]byte(fields[1]))
	if !path.IsAbs(point) {
		return e, false, true // none
	}
	e.point = path.Clean(point)
	return e, true, true
}

// mountOfUnit returns the mount point in the name of a unit: srv-data.mount is
// /srv/data (systemd.unit(5), string escaping).
func mountOfUnit(name string) (point string, ok bool) {
	name, ok = strings.CutSuffix(name, ".mount")
	if !ok || name == "" {
		return "", false
	}
	if name == "-" {
		return "/", true
	}
	var b strings.Builder
	b.WriteByte('/')
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '-':
			b.WriteByte('/')
		case c != '\\':
			b.WriteByte(c)
		default:
			if len(name) < i+4 || name[i+1] != 'x' {
				return "", false
			}
			n, ok := hexadecimal([]byte(name[i+2 : i+4]))
			if !ok {
				return "", false
			}
			b.WriteByte(byte(n)) //nolint:gosec // two digits
			i += 3
		}
	}
	return path.Clean(b.String()), true
}
