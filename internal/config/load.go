package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"tocsin/internal/lazy"
	"tocsin/internal/problem"
	"tocsin/internal/strict"
	"tocsin/probes/blackbox"
)

// Error is a site file with all that is wrong in it, one fault a line:
//
//	file:line: path: what is wrong, what to write instead
type Error = strict.Error

// Load reads a site file and proves it, down to the files that it names; it
// connects to nobody and changes nothing. The empty path is no file at all:
// this machine, with all defaults. Whatever is wrong comes back at once, as an
// *Error that repeats no secret.
func Load(path string) (*Site, error) { return LoadWith(path, Flags{}) }

// Flags are what the command line says instead of the site file. Empty ones
// say nothing.
type Flags struct{ DataDir, Listen string }

// LoadWith is Load where flags win over the file: they are proved like the
// keys they stand for, and what they replace is not.
func LoadWith(path string, flags Flags) (*Site, error) { return load(path, flags, thisMachine()) }

func load(path string, flags Flags, m machine) (*Site, error) {
	var data []byte
	if path != "" {
		var err error
		if data, err = read(path); err != nil {
			return nil, &Error{File: path, Faults: []strict.Fault{{Text: err.Error()}}}
		}
	}
	site := &Site{}
	at, faults := strict.Decode(data, site)
	unread := slices.Clone(faults)
	site.file = path
	site.apply(flags)
	site.setDefaults(m)
	if full, err := filepath.Abs(path); path != "" && err == nil {
		site.resolve(filepath.Dir(full))
	}
	problems := problem.New()
	site.refusePasswords(problems)
	site.validate(problems)
	site.watchUnits(problems)
	site.validateVoices(problems, at)
	if len(unread) == 0 { // else names may be missing only because they could not be read
		site.validateReferences(problems)
	}
	contents, warnings := site.checkFiles(problems)
	warnings = append(warnings, site.loadQueries(problems)...)
	site.loadKinds(problems, filepath.Dir(path))
	site.checkRules(problems, filepath.Dir(path))
	site.modules = blackbox.Read(problems.At("probe_modules"), filepath.Dir(path), site.ProbeModules)
	faults = append(faults, told(at.Place(problems.All()), unread, at)...)
	if len(faults) > 0 {
		return nil, &Error{File: path, Faults: scrub(strict.Sort(faults))}
	}
	site.warnings = placed(path, at, slices.Concat(warnings, site.suspicions(), site.unmeasured(), site.unwatchedUnits(), site.uncertainCovers()))
	site.fingerprint = site.digest(data, contents)
	return site, nil
}

// placed puts the file and the line before each warning about a key.
func placed(file string, at strict.Positions, warnings []string) []string {
	for i, w := range warnings {
		key, _, _ := strings.Cut(w, ": ")
		if where, path := at.Find(key); where.Line > 0 && path != "" {
			warnings[i] = fmt.Sprintf("%s:%d: %s", file, where.Line, w)
		}
	}
	return warnings
}

// apply puts what flags say in place of what the file says. A folder on the
// command line is relative to where one stands.
func (s *Site) apply(flags Flags) {
	if flags.Listen != "" {
		s.Listen = flags.Listen
	}
	if flags.DataDir != "" {
		s.DataDir = flags.DataDir
		if full, err := filepath.Abs(flags.DataDir); err == nil {
			s.DataDir = full
		}
	}
}

// read reads the site file, a little more than it may be at most, so that its
// size can be judged.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("there is no such file; correct the path, or run without --config to watch this machine")
	case errors.Is(err, fs.ErrPermission):
		return nil, errors.New("this user may not read it (permission denied)")
	case err != nil:
		return nil, fmt.Errorf("cannot be read: %w", errors.Unwrap(err))
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, errors.New("this is a folder; name the site file in it")
	}
	data, err := io.ReadAll(io.LimitReader(f, strict.MaxSize+1))
	if err != nil {
		return nil, errors.New("cannot be read")
	}
	return data, nil
}

// told leaves out what only repeats another fault: what is said about a value
// that could not be read, about a key that is missing where one was written
// wrongly, and about an address that its own room has refused already.
func told(faults, unread []strict.Fault, at strict.Positions) []strict.Fault {
	refused := map[string]int{}
	for _, f := range faults {
		refused[f.Path]++
	}
	return slices.DeleteFunc(faults, func(f strict.Fault) bool {
		if f.Text == passwordText && refused[f.Path] > 1 {
			return true
		}
		for _, u := range unread {
			around := u.Path
			if i := strings.LastIndexByte(around, '.'); i >= 0 {
				around = around[:i]
			}
			_, written := at[f.Path]
			if within(f.Path, u.Path) || within(f.Path, around) && (!written || f.Path == around) {
				return true
			}
		}
		return false
	})
}

// within tells whether a path is another, or below it.
func within(path, top string) bool {
	return path == top || strings.HasPrefix(path, top+".") || strings.HasPrefix(path, top+"[")
}

const passwordText = "has a user and a password in it, which would be shown and logged; take them out of the address"

// userinfo is a user with a password in front of a URL's host.
var userinfo = lazy.Regexp(`(://)[^/?#\s]*@`)

// refusePasswords finds passwords in addresses, wherever they stand: plain
// text is shown by config show, on pages and in logs.
func (s *Site) refusePasswords(p problem.List) {
	texts(reflect.ValueOf(s).Elem(), "", func(t text) {
		if m := userinfo().FindString(t.value); strings.Contains(strings.TrimPrefix(m, "://"), ":") {
			p.At(t.path).Addf(passwordText)
		}
	})
}

// scrub takes users and passwords out of all addresses, whoever wrote the
// message.
func scrub(faults []strict.Fault) []strict.Fault {
	for i := range faults {
		faults[i].Text = userinfo().ReplaceAllString(faults[i].Text, "${1}[redacted]@")
		faults[i].Path = userinfo().ReplaceAllString(faults[i].Path, "${1}[redacted]@")
	}
	return faults
}

// digest sums up all that a reload would have to apply.
func (s *Site) digest(data []byte, contents map[string][]byte) string {
	h := sha256.New()
	add := func(part string) { fmt.Fprintf(h, "%d:%s", len(part), part) }
	add(string(data))
	add(s.HostName())
	add(s.DataDir)
	add(s.Listen)
	for _, k := range s.kinds {
		if text, err := json.Marshal(k); err == nil && k.Own {
			add(string(text))
		}
	}
	for _, files := range []map[string][]byte{s.ruleTexts, contents, s.modules.Texts()} {
		for _, name := range sortedKeys(files) {
			add(name)
			add(string(files[name]))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// DefaultFile is the site file of an installed Tocsin.
const DefaultFile = "/etc/tocsin/tocsin.yml"

// Find returns the path of the site file: the one that was asked for, else
// DefaultFile if that exists, else none.
func Find(path string) string {
	if path != "" {
		return path
	}
	if _, err := os.Stat(DefaultFile); errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return DefaultFile
}
