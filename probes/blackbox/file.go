package blackbox

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"tocsin/internal/problem"
	"tocsin/internal/strict"
)

// file is a blackbox.yml.
type file struct {
	Modules map[string]settings `yaml:"modules"`
}

// settings is one module as the file writes it.
type settings struct {
	Prober  string   `yaml:"prober,omitempty"`
	Timeout duration `yaml:"timeout,omitempty"`
	HTTP    httpKeys `yaml:"http,omitempty"`
	TCP     tcpKeys  `yaml:"tcp,omitempty"`
	DNS     dnsKeys  `yaml:"dns,omitempty"`
	ICMP    icmpKeys `yaml:"icmp,omitempty"`
	GRPC    grpcKeys `yaml:"grpc,omitempty"`
	Unix    unixKeys `yaml:"unix,omitempty"`
}

// duration is a time as Go writes it: 5s, 1.5s, 500ms.
type duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil || parsed < 0 {
		return fmt.Errorf("is no duration; write a number with its unit, as 5s, 1.5s or 500ms")
	}
	*d = duration(parsed)
	return nil
}

// MarshalText writes the duration as UnmarshalText reads it.
func (d duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Modules are those of one or several files, by their names.
type Modules struct {
	byName   map[string]*Module
	texts    map[string][]byte
	warnings []string
}

// Warnings tells which modules cannot be used now, because a file that they
// name cannot be read. The others can.
func (m *Modules) Warnings() []string { return m.warnings }

// Find returns the module of a name.
func (m *Modules) Find(name string) (*Module, bool) {
	module, ok := m.byName[name]
	return module, ok
}

// Names lists the modules.
func (m *Modules) Names() []string { return slices.Sorted(maps.Keys(m.byName)) }

// Texts returns the files' contents by their paths, to see that they changed.
func (m *Modules) Texts() map[string][]byte { return m.texts }

// Read reads the files that patterns fit, relative to folder, and adds all that
// is wrong to p, which stands at the list of patterns. Without patterns the
// modules are the built-in ones.
func Read(p problem.List, folder string, patterns []string) *Modules {
	m := &Modules{byName: map[string]*Module{}, texts: map[string][]byte{}}
	if len(patterns) == 0 {
		m.add(p, "built-in", "", []byte(builtIn))
		return m
	}
	for i, pattern := range patterns {
		here, full := p.Index(i), pattern
		if !filepath.IsAbs(full) {
			full = filepath.Join(folder, full)
		}
		paths, err := filepath.Glob(full)
		switch {
		case err != nil:
			here.Addf("%q is not a pattern: a [ has no ]", pattern)
		case len(paths) == 0:
			here.Addf("%q fits no file; write the path of a blackbox.yml, as /etc/prometheus/blackbox.yml", pattern)
		}
		for _, path := range paths {
			if m.texts[path] != nil {
				continue // two patterns may fit one file
			}
			data, err := contents(path)
			if err != nil {
				here.Addf("%v", err)
				continue
			}
			m.texts[path] = data
			m.add(here, path, filepath.Dir(path), data)
		}
	}
	return m
}

// add reads one file's modules.
func (m *Modules) add(p problem.List, path, folder string, data []byte) {
	modules, faults, broken := parse(data, folder)
	for _, f := range faults {
		p.Addf("%v", &strict.Error{File: path, Faults: []strict.Fault{f}})
	}
	for _, f := range broken {
		m.warnings = append(m.warnings, (&strict.Error{File: path, Faults: []strict.Fault{f}}).Error()+"; this module measures nothing until it can be read")
	}
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		if m.byName[name] != nil {
			p.Addf("%s: modules.%s: another file has a module of this name; rename one of them", path, name)
			continue
		}
		m.byName[name] = modules[name]
	}
}

// Check tells what is wrong in the text of a file, whose own paths are relative
// to folder, in the order of the file.
func Check(folder string, data []byte) []strict.Fault {
	_, faults, broken := parse(data, folder)
	return strict.Sort(append(faults, broken...))
}

// parse reads the text of a file, whose own paths are relative to folder. The
// faults come in the order of the file; those of modules that name a file which
// cannot be read, now, apart from the others.
func parse(data []byte, folder string) (modules map[string]*Module, faults, broken []strict.Fault) {
	var f file
	at, faults := strict.Decode(data, &f)
	if len(faults) == 0 && f.Modules == nil {
		return nil, []strict.Fault{{Line: 1, Text: "has no modules; write modules: with at least one below it"}}, nil
	}
	modules = map[string]*Module{}
	found, unread := problem.New(), problem.New()
	for _, name := range slices.Sorted(maps.Keys(f.Modules)) {
		s := f.Modules[name]
		s.resolve(folder)
		before := len(found.All())
		s.validate(found.At("modules").At(name))
		if len(faults) > 0 || len(found.All()) > before {
			continue
		}
		module := s.ready(name)
		if module.broken != nil {
			unread.At("modules").At(name).Addf("%v", module.broken)
		}
		modules[name] = module
	}
	problems := slices.DeleteFunc(found.All(), func(p problem.Problem) bool {
		// What could not be read has been told.
		return slices.ContainsFunc(faults, func(f strict.Fault) bool { return f.Path == p.Path })
	})
	return modules, strict.Sort(append(faults, at.Place(problems)...)), strict.Sort(at.Place(unread.All()))
}

func contents(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read modules: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, strict.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read modules: %w", err)
	}
	return data, nil
}
