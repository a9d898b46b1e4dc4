package migrate

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"tocsin/internal/lazy"
	"tocsin/internal/migrate/foreign"
	"tocsin/internal/strict"
)

// A Result is what became of a configuration.
type Result struct {
	Site       []byte // a site file
	NotCarried []Lost
}

// Lost is a part of the old configuration that is not in the site file.
type Lost struct {
	Place string // file:line; empty on a command line
	What  string // its name: a flag, a key, a target
	Why   string // why not; what to write or do instead
}

// Write lists what was not carried over, one a line.
func (r *Result) Write(w io.Writer) error {
	if len(r.NotCarried) == 0 {
		_, err := fmt.Fprintln(w, "NOT CARRIED: nothing; all of it is in the site file")
		return err
	}
	var b strings.Builder
	b.WriteString("NOT CARRIED:\n")
	for _, l := range r.NotCarried {
		line := l.What + ": " + l.Why
		if l.Place != "" {
			line = l.Place + ": " + line
		}
		b.WriteString("  " + clean(line) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// A report gathers what is not carried, in the order in which it is found.
type report struct {
	lost []Lost
	told map[Lost]bool
}

func (r *report) losef(place, what, why string, args ...any) {
	l := Lost{Place: place, What: what, Why: fmt.Sprintf(why, args...)}
	if r.told == nil {
		r.told = map[Lost]bool{}
	}
	if !r.told[l] {
		r.told[l] = true
		r.lost = append(r.lost, l)
	}
}

// keys says of each key of a foreign mapping what becomes of it: "" for one
// that is carried or means nothing here, else why it is not, and what to do.
type keys map[string]string

// unread reports the keys of a mapping that are not carried, those that
// nobody knows among them.
func (r *report) unread(v foreign.Value, inside string, known keys) {
	for _, p := range v.Pairs() {
		why, ok := known[p.Key]
		if !ok {
			why = "tocsin migrate does not know this key; look up what it does, and in tocsin.example.yml whether Tocsin has the like"
		}
		if why != "" {
			r.losef(p.Value.Place(), strings.TrimPrefix(inside+"."+p.Key, "."), "%s", why)
		}
	}
}

// maxFile bounds each file that is read.
const maxFile = strict.MaxSize

// A Reader returns the content of a file.
type Reader func(path string) ([]byte, error)

// ReadFile is the Reader of real files. It reads ordinary files only, and a
// little more than may be, so that a size can be refused.
func ReadFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no ordinary file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// userinfo is a user, and perhaps a password, in front of a URL's host.
var userinfo = lazy.Regexp(`://[^/?#\s]*@`)

// clean makes one line of a text that has others' words in it, without
// whatever stands in front of a host.
func clean(text string) string {
	text = userinfo().ReplaceAllString(text, "://[redacted]@")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\ufeff' {
			return ' '
		}
		return r
	}, text)
}
