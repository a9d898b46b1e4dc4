//go:build linux

package host

import (
	"bytes"
	"path/filepath"
	"strings"
)

// rawMount is the same line in the kernel's bytes, undecoded.
type rawMount struct {
	id, device, point, options, kind, source, super []byte
}

// splitMount cuts a line of mountinfo. Between the options and the type stand
// any number of tags, ended by a dash.
func splitMount(line []byte) (m rawMount, ok bool) {
	m.id, line = nextField(bytes.TrimRight(line, "\n"))
	_, line = nextField(line) // parent
	m.device, line = nextField(line)
	_, line = nextField(line) // root within the file system
	m.point, line = nextField(line)
	m.options, line = nextField(line)
	for {
		var tag []byte
		tag, line = nextField(line)
		if len(tag) == 0 {
			return m, false
		}
		if len(tag) == 1 && tag[0] == '-' {
			break
		}
	}
	m.kind, line = nextField(line)
	// The source may be empty (mount -t tmpfs "" /x): one space ends each.
	m.source, m.super, ok = bytes.Cut(bytes.TrimPrefix(line, []byte(" ")), []byte(" "))
	return m, ok && len(m.super) > 0 && len(m.point) > 0 && m.point[0] == '/'
}

// decode makes the strings that are kept. root is where the machine's root is
// mounted for us; paths below it lose it.
func (m rawMount) decode(root string) (mount, bool) {
	major, minor, ok := bytes.Cut(m.device, []byte(":"))
	if !ok {
		return mount{}, false
	}
	listed := unescape(m.point)
	point := listed
	if root != "/" {
		if below, is := strings.CutPrefix(point, root); is && (below == "" || below[0] == '/') {
			point = "/" + strings.TrimPrefix(below, "/")
		}
	}
	return mount{
		id: string(m.id), major: string(major), minor: string(minor),
		listed: listed, path: filepath.Join(root, point), point: valid(point), device: valid(unescape(m.source)), kind: valid(unescape(m.kind)),
		readonly: hasOption(m.options, "ro") || hasOption(m.super, "ro") || hasOption(m.super, "emergency_ro"),
	}, true
}

func hasOption(options []byte, name string) bool {
	for len(options) > 0 {
		var option []byte
		option, options, _ = bytes.Cut(options, []byte(","))
		if string(option) == name {
			return true
		}
	}
	return false
}

// unescape undoes the kernel's escapes: a backslash and three octal digits
// for white space and the backslash itself.
func unescape(b []byte) string {
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b)
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+3 < len(b) && octal(b[i+1]) && octal(b[i+2]) && octal(b[i+3]) {
			out = append(out, (b[i+1]-'0')<<6|(b[i+2]-'0')<<3|(b[i+3]-'0'))
			i += 3
			continue
		}
		out = append(out, b[i])
	}
	return string(out)
}

func octal(c byte) bool { return c >= '0' && c <= '7' }
