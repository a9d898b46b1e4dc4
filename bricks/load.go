package bricks

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"tocsin/internal/problem"
	"tocsin/internal/strict"
)

// catalog holds the shipped kinds with the recordings of their tests.
//
//go:embed catalog
var catalog embed.FS

// maxRecording bounds a recorded answer.
const maxRecording = 8 << 20

// Load returns the shipped kinds, sorted by name. Its error is a flaw of this
// build.
func Load() ([]Kind, error) {
	names, err := fs.Glob(catalog, "catalog/*.yml")
	if err != nil {
		return nil, fmt.Errorf("list the shipped kinds: %w", err)
	}
	var kinds []Kind
	var errs []error
	for _, name := range names {
		text, err := catalog.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read the shipped kinds: %w", err)
		}
		kind, faults := Parse(path.Base(name), text)
		if len(faults) > 0 {
			errs = append(errs, &strict.Error{File: name, Faults: faults})
			continue
		}
		kinds = append(kinds, kind)
	}
	return kinds, errors.Join(errs...)
}

// Read reads a site's own kinds: the files that patterns name, relative to
// folder. What is wrong is added to p, with file and line. A kind of the name
// of a shipped one takes its place, when the two are merged.
func Read(p problem.List, folder string, patterns []string) []Kind {
	var kinds []Kind
	for i, pattern := range patterns {
		here := p.Index(i)
		full := pattern
		if !filepath.IsAbs(full) {
			full = filepath.Join(folder, full)
		}
		paths, err := filepath.Glob(full)
		switch {
		case err != nil:
			here.Addf("%q is not a pattern: a [ has no ]", pattern)
		case len(paths) == 0:
			here.Addf("%q fits no file; write the path of a kind's file, as kinds/*.yml", pattern)
		}
		for _, name := range paths {
			if slices.ContainsFunc(kinds, func(k Kind) bool { return k.Source == name }) {
				continue // two patterns may fit one file
			}
			kind, ok := readFile(here, name)
			if !ok {
				continue
			}
			if i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == kind.Name }); i >= 0 {
				here.Addf("%s and %s both define the kind %s; keep one", kinds[i].Source, name, kind.Name)
				continue
			}
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

func readFile(p problem.List, name string) (Kind, bool) {
	kind, err := ReadFile(name)
	if err == nil {
		return kind, true
	}
	var wrong *strict.Error
	if !errors.As(err, &wrong) {
		p.Addf("%v", err)
		return Kind{}, false
	}
	for line := range strings.Lines(wrong.Error()) {
		p.Addf("%s", strings.TrimSpace(line))
	}
	return Kind{}, false
}

// ReadFile reads one kind of a site. All that is wrong in it comes back as a
// *strict.Error.
func ReadFile(name string) (Kind, error) {
	text, err := contents(os.DirFS(filepath.Dir(name)), filepath.Base(name), strict.MaxSize+1)
	if err != nil {
		return Kind{}, fmt.Errorf("read kind: %w", err)
	}
	kind, faults := Parse(name, text)
	if len(faults) > 0 {
		return Kind{}, &strict.Error{File: name, Faults: faults}
	}
	kind.Own = true
	return kind, nil
}

// Merge returns the shipped kinds with a site's own ones, which take the place
// of shipped ones of their name.
func Merge(shipped, own []Kind) []Kind {
	all := slices.Clone(own)
	for _, k := range shipped {
		if _, taken := Find(own, k.Name); !taken {
			all = append(all, k)
		}
	}
	slices.SortFunc(all, func(a, b Kind) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Find returns the kind of that name.
func Find(kinds []Kind, name string) (Kind, bool) {
	if i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == name }); i >= 0 {
		return kinds[i], true
	}
	return Kind{}, false
}

// Recording returns the bytes of a recorded answer: its body, or its file,
// which lies beside the kind's own.
func (k Kind) Recording(a Answer) ([]byte, error) {
	if a.File == "" {
		return []byte(a.Body), nil
	}
	if !k.Own {
		return contents(catalog, path.Join("catalog", a.File), maxRecording)
	}
	return contents(os.DirFS(filepath.Dir(k.Source)), a.File, maxRecording)
}

// contents reads a file of at most limit bytes.
func contents(files fs.FS, name string, limit int64) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return b, nil
}
