package packages

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/debian"
	"tocsin/internal/lazy"
)

// never is the priority of what must not be installed, whatever else is said.
const never = math.MinInt16

// A pin is one stanza of the preferences for one package name
// (apt_preferences(5); CreatePin in apt-pkg/policy.cc).
type pin struct {
	general  bool    // Package: *, which sets the priorities of sources
	name     matcher // of the package, or of its source package
	bySource bool    // src:name
	arch     string  // name:arch; empty: the native one; any: all
	of       target
	priority int
}

// A target says which versions a pin is about. What is nil does not matter.
type target struct {
	all                                       bool // release *
	version                                   matcher
	site                                      matcher
	local                                     bool // origin "": no site
	either                                    matcher
	release, origin, archive, codename, label matcher
	component, arch                           matcher
	nothing                                   bool // it names nothing, so it matches nothing
}

// A matcher compares with a word of the preferences, whose case does not
// matter.
type matcher func(string) bool

// readPins reads apt's preferences in the order in which apt does: the first
// that fits wins.
func readPins(etc string) ([]pin, error) {
	paths, err := parts(filepath.Join(etc, "preferences.d"), ".pref")
	errs := []error{err}
	var pins []pin
	for _, path := range append([]string{filepath.Join(etc, "preferences")}, paths...) {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			var found []pin
			found, err = parsePins(io.LimitReader(f, maxConf))
			pins = append(pins, found...)
			_ = f.Close() // it was only read
			if err != nil {
				err = fmt.Errorf("%s: %w", path, err)
			}
		}
		errs = append(errs, err)
	}
	return pins, errors.Join(errs...)
}

// parsePins reads one file. What apt passes over with a warning is passed
// over; what would be read otherwise than by apt is an error.
func parsePins(r io.Reader) ([]pin, error) {
	in := debian.NewScanner(r, "Package", "Pin", "Pin-Priority")
	var pins []pin
	var errs []error
	for in.Scan() {
		kind, data, _ := strings.Cut(in.Text(1), " ")
		priority, err := strconv.ParseInt(in.Text(2), 10, 16)
		if in.Text(2) == "never" {
			priority, err = never, nil
		}
		if err != nil || priority == 0 || len(in.Value(0)) == 0 || priority == never && in.Text(0) != "*" {
			if in.Value(0) != nil || in.Value(1) != nil {
				errs = append(errs, fmt.Errorf("the pin of %q has no name or no priority that it can have; apt refuses it", in.Text(0)))
			}
			continue
		}
		of, err := newTarget(strings.ToLower(kind), strings.TrimSpace(data))
		if err != nil {
			errs = append(errs, fmt.Errorf("the pin of %q: %w", in.Text(0), err))
			continue
		}
		if of.nothing {
			continue
		}
		if in.Text(0) == "*" {
			if of.version == nil { // apt knows no such pin
				pins = append(pins, pin{general: true, of: of, priority: int(priority)})
			}
			continue
		}
		for name := range strings.FieldsSeq(in.Text(0)) {
			p, err := newPin(name)
			if err != nil {
				errs = append(errs, fmt.Errorf("the pin of %q: %w", name, err))
				continue
			}
			p.of, p.priority = of, int(priority)
			pins = append(pins, p)
		}
	}
	return pins, errors.Join(append(errs, in.Err())...)
}

func newPin(name string) (pin, error) {
	p := pin{}
	name, p.bySource = strings.CutPrefix(name, "src:")
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		name, p.arch = name[:i], name[i+1:]
	}
	var err error
	if strings.ContainsAny(name, "*[?") || strings.HasPrefix(name, "/") {
		p.name, err = expression(name)
	} else {
		p.name = func(s string) bool { return s == name }
	}
	return p, err
}

// newTarget reads what a pin is about (pkgVersionMatch in
// apt-pkg/versionmatch.cc).
func newTarget(kind, data string) (target, error) {
	switch {
	case data == "":
		return target{nothing: true}, nil
	case kind == "version":
		m, err := versionExpression(data)
		return target{version: m}, err
	case kind == "origin":
		if len(data) >= 2 && data[0] == '"' && data[len(data)-1] == '"' {
			data = data[1 : len(data)-1]
		}
		if data == "" {
			return target{local: true}, nil
		}
		m, err := expression(data)
		return target{site: m}, err
	case kind == "release" && data == "*":
		return target{all: true}, nil
	case kind == "release":
		return newReleaseTarget(data)
	default:
		return target{nothing: true}, nil // apt warns and goes on
	}
}

func newReleaseTarget(data string) (t target, err error) {
	if !strings.Contains(data, "=") {
		if data[0] >= '0' && data[0] <= '9' {
			m, err := versionExpression(data)
			return target{release: m}, err
		}
		m, err := expression(data)
		return target{either: m}, err
	}
	fields := map[string]*matcher{
		"v=": &t.release, "o=": &t.origin, "a=": &t.archive, "n=": &t.codename, "l=": &t.label, "c=": &t.component, "b=": &t.arch,
	}
	var errs []error
	found := false
	for part := range strings.SplitSeq(data, ",") {
		part = strings.TrimSpace(part)
		if len(part) < 3 || fields[strings.ToLower(part[:2])] == nil {
			continue // apt passes over it
		}
		read := expression
		if strings.EqualFold(part[:2], "v=") {
			read = versionExpression
		}
		m, err := read(part[2:])
		*fields[strings.ToLower(part[:2])], found = m, true
		errs = append(errs, err)
	}
	if !found {
		errs = append(errs, fmt.Errorf("%s names no release", strconv.Quote(data)))
	}
	return t, errors.Join(errs...)
}

// versionExpression reads a version, whose last * stands for any end; before
// it a pattern must fit the whole version.
func versionExpression(text string) (matcher, error) {
	start, cut := strings.CutSuffix(text, "*")
	m, err := expression(start)
	if err != nil || !cut {
		return m, err
	}
	return func(s string) bool {
		return len(s) >= len(start) && strings.EqualFold(s[:len(start)], start) || m(s)
	}, nil
}

// expression makes a matcher of a word, a pattern as in file names, or a
// regular expression between slashes.
func expression(text string) (matcher, error) {
	if len(text) >= 2 && text[0] == '/' && text[len(text)-1] == '/' {
		re, err := regexp.Compile("(?i)" + text[1:len(text)-1])
		if err != nil {
			return nil, fmt.Errorf("the expression %s is not one that Tocsin reads", strconv.Quote(text))
		}
		return re.MatchString, nil
	}
	if !strings.ContainsAny(text, `*[?\`) {
		return func(s string) bool { return strings.EqualFold(s, text) }, nil
	}
	re, err := regexp.Compile(glob(text))
	if err != nil {
		return nil, fmt.Errorf("the pattern %s is not one that Tocsin reads", strconv.Quote(text))
	}
	return re.MatchString, nil
}

// glob writes a pattern of fnmatch(3) as a regular expression. Unlike that of
// path.Match its * goes over slashes.
func glob(text string) string {
	var b strings.Builder
	b.WriteString("(?is)^")
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteByte('.')
		case '[':
			end := strings.IndexByte(text[min(i+2, len(text)):], ']') // a ] that comes first is one of the set
			if end < 0 {
				b.WriteString(`\[`)
				continue
			}
			set := text[i+1 : i+2+end]
			if set[0] == '!' {
				set = "^" + set[1:]
			}
			b.WriteString("[" + strings.ReplaceAll(set, `\`, `\\`) + "]")
			i += 2 + end
		case '\\':
			i = min(i+1, len(text)-1)
			b.WriteString(regexp.QuoteMeta(text[i : i+1]))
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	return b.String() + "$"
}

// fits tells whether a source is among those that the pin is about.
func (t *target) fits(s *source) bool {
	switch {
	case t.all:
		return true
	case t.version != nil:
		return false
	case t.local:
		return s.site == "" && !s.installed
	case t.site != nil:
		return s.site != "" && t.site(s.site)
	case t.either != nil:
		return has(t.either, s.release.suite) || has(t.either, s.release.codename)
	}
	return agrees(t.release, s.release.version) && agrees(t.origin, s.release.origin) && agrees(t.archive, s.release.suite) &&
		agrees(t.codename, s.release.codename) && agrees(t.label, s.release.label) &&
		agrees(t.component, s.component) && agrees(t.arch, s.arch)
}

func has(m matcher, value string) bool    { return value != "" && m(value) }
func agrees(m matcher, value string) bool { return m == nil || has(m, value) }

// about tells whether the pin is about a package, or about the source package
// of one of its versions.
func (p *pin) about(name, source, arch, native string) bool {
	if p.bySource && source != "" {
		name = source
	}
	wanted := p.arch
	if wanted == "" {
		wanted = native
	}
	return (wanted == "any" || wanted == arch) && p.name(name)
}

// parts lists the files of a folder of configuration that apt reads, in its
// order: names of letters, digits, -, _ and ., without a suffix or with this
// one.
func parts(folder, suffix string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		if e.IsDir() || ext != "" && ext != suffix || strings.HasPrefix(e.Name(), ".") || !plainName().MatchString(e.Name()) {
			continue
		}
		paths = append(paths, filepath.Join(folder, e.Name()))
	}
	slices.Sort(paths)
	return paths, nil
}

var plainName = lazy.Regexp(`^[A-Za-z0-9._-]+$`)
