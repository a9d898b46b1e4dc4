package rules

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"tocsin/internal/problem"
)

// maxFile bounds a rule file; the largest public collections have 200 KiB.
const maxFile = 4 << 20

// Read reads a site's own rule files: the value of alerts.rule_files, p
// standing at it. Patterns are those of filepath.Match; relative ones start at
// folder, which is the site file's. The files are called site-NAME in engines
// and exports, so that none hides a shipped one.
func Read(p problem.List, folder string, patterns []string) []File {
	var files []File
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
			here.Addf("%q fits no file; write the path of a rule file, as rules.d/*.yml", pattern)
		}
		for _, path := range paths {
			if slices.ContainsFunc(files, func(f File) bool { return f.Source == path }) {
				continue // two patterns may fit one file
			}
			files = append(files, read(here, path, files))
		}
	}
	return files
}

func read(p problem.List, path string, others []File) File {
	text, err := contents(path)
	if err != nil {
		p.Addf("%v", err)
		return File{Name: "site-" + filepath.Base(path), Source: path, Own: true}
	}
	f := Parse(p, path, text)
	f.Name, f.Own = "site-"+f.Name, true
	if i := slices.IndexFunc(others, func(o File) bool { return o.Name == f.Name }); i >= 0 {
		p.Addf("%s and %s have the same name: rename one", others[i].Source, path)
	}
	return f
}

func contents(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("read rules: %s is larger than %d bytes: split it", path, maxFile)
	}
	return text, nil
}
