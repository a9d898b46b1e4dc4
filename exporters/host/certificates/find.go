package certificates

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const (
	maxConfig  = 1 << 20 // of a file of configuration; what comes after is not read
	maxConfigs = 2000    // files of configuration
	maxDepth   = 10      // of includes in includes
	maxFiles   = 500     // with certificates
)

// A found file is one that a service is configured with.
type found struct{ service, path string }

// A search goes through the configuration of all services.
type search struct {
	root    string
	files   []found
	keys    map[found]bool // may hold a key alone
	unknown []found        // paths that only the service can make whole
	errs    []error

	seen   map[found]bool // certificates and unknown paths
	read   map[string]bool
	missed bool // more configuration, or certificates, than are looked at
}

// find lists the files that services are configured with, as they read their
// configuration themselves. Configuration that may not be read is told; what
// is not there is not.
func find(root string) *search {
	s := &search{root: root, keys: map[found]bool{}, seen: map[found]bool{}, read: map[string]bool{}}
	for i := range places {
		p := &places[i]
		for _, pattern := range p.begin {
			s.configuration(p, include{read: p.read}, "/"+pattern, 0)
		}
	}
	if s.missed {
		s.errs = append(s.errs, fmt.Errorf("the services' configuration has more than %d files, %d certificates or %d includes in one another; what is beyond is not watched", maxConfigs, maxFiles, maxDepth))
	}
	return s
}

// configuration reads the files of a pattern, and what they include.
func (s *search) configuration(p *place, how include, pattern string, depth int) {
	files, err := s.match(pattern)
	if err != nil {
		s.errs = append(s.errs, err)
	}
	for _, file := range files {
		info, err := os.Stat(filepath.Join(s.root, file))
		if err == nil && info.IsDir() {
			if how.within != "" && !strings.HasSuffix(pattern, "/"+how.within) {
				s.configuration(p, how, path.Join(escape(file), how.within), depth)
			}
			continue
		}
		id := p.service + " " + file
		switch {
		case s.read[id]:
			continue
		case len(s.read) == maxConfigs, depth > maxDepth:
			s.missed = true
			return
		}
		s.read[id] = true
		text, err := read(filepath.Join(s.root, file), maxConfig)
		switch {
		case errors.Is(err, errNoFile), errors.Is(err, fs.ErrNotExist):
		case err != nil:
			s.errs = append(s.errs, inside(file, err))
		default:
			s.statements(p, how, file, string(text), depth)
		}
	}
}

// statements takes what a file of configuration names.
func (s *search) statements(p *place, how include, file, text string, depth int) {
	for _, words := range how.read(text) {
		name, values := words[0], words[1:]
		if next, ok := p.includes[name]; ok {
			if next.read == nil {
				next.read = how.read
			}
			for _, pattern := range values {
				base := "/" + p.base
				if p.nearby {
					base = path.Dir(file)
				}
				if !strings.HasPrefix(pattern, "/") {
					pattern = path.Join(escape(base), pattern)
				}
				if strings.Contains(pattern, "$") {
					s.notWhole(found{p.service, pattern})
					continue
				}
				s.configuration(p, next, path.Clean(pattern), depth+1)
			}
			continue
		}
		for _, own := range p.certificates {
			if ok, _ := path.Match(own, name); ok { // the patterns are ours
				for _, value := range values {
					s.certificate(p, value)
				}
			}
		}
	}
}

// besides are the files that HAProxy takes in a folder beside a certificate
// (configuration manual, crt and ssl-load-extra-files).
var besides = []string{".key", ".ocsp", ".issuer", ".sctl"}

// certificate takes the path of a certificate, or of a folder of them.
func (s *search) certificate(p *place, name string) {
	for _, scheme := range []string{"data:", "pkcs11:", "store:"} {
		if strings.HasPrefix(name, scheme) && !strings.Contains(name, "$") {
			return // no file
		}
	}
	switch {
	case name == "" || name == "none":
		return
	case strings.ContainsAny(name, "$%"), !strings.HasPrefix(name, "/") && p.base == "":
		s.notWhole(found{p.service, name})
		return
	case !strings.HasPrefix(name, "/"):
		name = path.Join("/", p.base, name)
	}
	names := []string{path.Clean(name)}
	if info, err := os.Stat(filepath.Join(s.root, name)); err == nil && info.IsDir() {
		var err error
		if names, err = s.match(path.Join(escape(path.Clean(name)), "*")); err != nil {
			s.errs = append(s.errs, err)
		}
		names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(besides, path.Ext(name)) })
	}
	for _, name := range names {
		f := found{p.service, name}
		switch {
		case s.seen[f]:
		case len(s.files) == maxFiles:
			s.missed = true
		default:
			s.seen[f] = true
			s.keys[f] = p.keys
			s.files = append(s.files, f)
		}
	}
}

// notWhole keeps a path that has a variable in it, or is relative to what is
// not known here.
func (s *search) notWhole(f found) {
	if !s.seen[f] && len(s.unknown) < maxFiles {
		s.seen[f] = true
		s.unknown = append(s.unknown, f)
	}
}

// match returns the files of a pattern as glob(3) finds them: hidden ones only
// where the pattern says so. It tells of a folder that may not be read.
func (s *search) match(pattern string) ([]string, error) {
	matches, err := filepath.Glob(filepath.Join(escape(s.root), strings.ReplaceAll(pattern, "[!", "[^")))
	if err != nil {
		return nil, fmt.Errorf("%s is no pattern of files: a [ needs its ]", pattern)
	}
	var files []string
	shown := strings.Split(path.Clean(pattern), "/")
	for _, m := range matches {
		file := filepath.Join("/", strings.TrimPrefix(m, strings.TrimSuffix(s.root, "/")))
		hidden := false
		for i, part := range strings.Split(file, "/") {
			hidden = hidden || strings.HasPrefix(part, ".") && i < len(shown) && !strings.HasPrefix(strings.TrimPrefix(shown[i], `\`), ".")
		}
		if !hidden {
			files = append(files, file)
		}
	}
	if folder, _, ok := strings.Cut(pattern, "*"); ok && len(files) == 0 {
		folder = path.Dir(folder + "x")
		if _, err := os.ReadDir(filepath.Join(s.root, folder)); errors.Is(err, fs.ErrPermission) {
			return nil, inside(folder, err)
		}
	}
	return files, nil
}

// escape makes a pattern of a path that matches nothing else.
func escape(name string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(name)
}

// inside gives an error the path as the machine knows it, below the root.
func inside(name string, err error) error {
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		err = file.Err
	}
	return fmt.Errorf("%s: %w", name, err)
}

// errNoFile is returned for a folder, a device or a pipe.
var errNoFile = errors.New("it is no regular file")

// read reads a regular file, no further than its limit.
func read(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errNoFile
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content := make([]byte, min(info.Size(), limit))
	n, err := f.Read(content)
	if err != nil && n == 0 && len(content) > 0 {
		return nil, err
	}
	return content[:n], nil
}
