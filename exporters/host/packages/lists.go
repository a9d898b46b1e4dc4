package packages

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pierrec/lz4/v4"
	"github.com/xi2/xz"

	"tocsin/internal/debian"
)

const (
	maxList     = 1 << 30 // bytes of a list, unpacked; Debian's main has 50 MB
	maxLists    = 1000    // lists that are read
	maxXZ       = 64 << 20
	maxVersions = 64 // of one package, over all lists
)

// A source is one Packages list: a component of a suite for an architecture.
type source struct {
	path            string
	site            string // host name; empty for a medium or a folder
	component, arch string
	release         release
	priority        int
	installed       bool // dpkg's status, which counts as a source
	whole           bool // it was read to its end
}

// findSources lists the Packages files below apt's lists folder, each with
// what its Release file says. A list without one is from a repository that
// has none.
func findSources(folder string) ([]*source, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var errs []error
	releases := map[string]release{} // by what the names of the suite's files begin with
	for _, e := range entries {
		prefix, ok := strings.CutSuffix(e.Name(), "_InRelease")
		if !ok {
			prefix, ok = strings.CutSuffix(e.Name(), "_Release")
		}
		if !ok || e.IsDir() {
			continue
		}
		rel, err := openRelease(filepath.Join(folder, e.Name()))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		releases[prefix] = rel
	}
	var sources []*source
	for _, e := range entries {
		s := newSource(folder, e.Name(), releases)
		if s == nil || e.IsDir() {
			continue
		}
		if len(sources) == maxLists {
			errs = append(errs, fmt.Errorf("%s: more than %d lists; the rest is not read", folder, maxLists))
			break
		}
		sources = append(sources, s)
	}
	return sources, errors.Join(errs...)
}

func openRelease(path string) (release, error) {
	f, err := os.Open(path)
	if err != nil {
		return release{}, err
	}
	defer f.Close()
	rel, err := readRelease(f)
	if err != nil {
		return rel, fmt.Errorf("%s: %w", path, err)
	}
	return rel, nil
}

// newSource makes a source of a file called
// <host>_<path>_dists_<suite>_<component>_binary-<arch>_Packages, which is the
// list's URL with _ for each slash; a flat repository has no component and no
// architecture. Other files are none.
func newSource(folder, name string, releases map[string]release) *source {
	base := name
	for _, suffix := range []string{".lz4", ".gz", ".xz", ".bz2", ".lzma", ".zst"} {
		base = strings.TrimSuffix(base, suffix)
	}
	base, ok := strings.CutSuffix(base, "_Packages")
	if !ok {
		return nil
	}
	s := &source{path: filepath.Join(folder, name)}
	host, _, _ := strings.Cut(base, "_")
	s.site, _, _ = strings.Cut(host, ":") // apt pins by the name without the port
	longest := -1
	for prefix, rel := range releases {
		if rest, ok := strings.CutPrefix(base, prefix); ok && len(prefix) > longest && (rest == "" || rest[0] == '_') {
			longest = len(prefix)
			s.release = rel
			if i := strings.LastIndex(rest, "_binary-"); i > 0 {
				s.component = strings.ReplaceAll(rest[1:i], "_", "/")
				s.arch = rest[i+len("_binary-"):]
			}
		}
	}
	return s
}

// errCompression is for a form that apt can keep and this package can't read.
var errCompression = errors.New("compressed in a form that is not read; let apt keep its lists as they are or as .lz4, .gz or .xz (Acquire::GzipIndexes)")

// unpack returns a list's text. apt keeps it plain, or in one of these forms
// where Acquire::GzipIndexes is on.
func unpack(path string, f io.Reader) (io.Reader, error) {
	in := bufio.NewReader(f)
	switch filepath.Ext(path) {
	case ".lz4":
		if _, err := in.Peek(1); err != nil {
			return nil, io.ErrUnexpectedEOF // which lz4 takes for an empty text
		}
		return lz4.NewReader(in), nil
	case ".gz":
		return gzip.NewReader(in)
	case ".xz":
		return xz.NewReader(in, maxXZ)
	case ".bz2", ".lzma", ".zst":
		return nil, errCompression
	default:
		return in, nil
	}
}

// read notes what a list offers for the installed packages. It reads the
// list as it comes and keeps nothing of all other packages.
func (s *source) read(ctx context.Context, number int, installed *inventory) error {
	f, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // apt update has just replaced it
	}
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := unpack(s.path, f)
	if err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	limited := &io.LimitedReader{R: text, N: maxList}
	in := debian.NewScanner(limited, "Package", "Version", "Architecture", "Source", "Phased-Update-Percentage")
	for n := 0; in.Scan(); n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		p := installed.find(in.Value(0), in.Value(2))
		if p == nil || len(in.Value(1)) == 0 {
			continue
		}
		v := p.version(in.Value(1))
		if v == nil {
			continue
		}
		if len(v.from) == 0 {
			v.arch, v.phase = in.Text(2), percentage(in.Text(4))
			v.source, _, _ = strings.Cut(in.Text(3), " ") // its version may follow
		}
		v.from = append(v.from, number)
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	if limited.N <= 0 {
		return fmt.Errorf("%s: longer than %d bytes", s.path, maxList)
	}
	s.whole = true
	return nil
}

// percentage reads how many of all machines a phased update is for; without a
// readable number it is for all.
func percentage(text string) int {
	if n, err := strconv.Atoi(text); err == nil && n >= 0 && n < 100 {
		return n
	}
	return 100
}
