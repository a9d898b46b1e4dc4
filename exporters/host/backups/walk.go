package backups

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	anyFolders = "**"
	// maxFiles bounds how many names one look goes through.
	maxFiles = 250_000
	// maxDepth bounds how deep ** goes.
	maxDepth = 20
	// batch is how many names of a folder are held at a time.
	batch = 512
)

// walker goes through the files that patterns match.
type walker struct {
	ctx  context.Context
	left int // names that may still be gone through
	file func(path string, info fs.FileInfo)
}

func newWalker(ctx context.Context, file func(path string, info fs.FileInfo)) *walker {
	return &walker{ctx: ctx, left: maxFiles, file: file}
}

// match calls file for each ordinary file that a pattern matches. Links are
// followed where they are written out, never where * finds them: the link
// "latest" would count a backup twice. The folder before the first * must
// exist; what vanishes meanwhile does not count.
func (w *walker) match(pattern string) error {
	parts := strings.Split(strings.TrimPrefix(filepath.ToSlash(pattern), "/"), "/")
	base := 0
	for base < len(parts)-1 && !wild(parts[base]) {
		base++
	}
	folder := "/" + strings.Join(parts[:base], "/")
	if _, err := os.Stat(folder); err != nil {
		return err
	}
	return w.descend(folder, parts[base:], 0)
}

func wild(part string) bool { return strings.ContainsAny(part, `*?[\`) }

func (w *walker) descend(folder string, parts []string, depth int) error {
	part, rest := parts[0], parts[1:]
	switch {
	case part == anyFolders:
		if err := w.descend(folder, rest, depth); err != nil || depth >= maxDepth {
			return err
		}
		return w.each(folder, func(e fs.DirEntry) error {
			if !e.IsDir() || hidden(e.Name()) {
				return nil
			}
			return gone(w.descend(filepath.Join(folder, e.Name()), parts, depth+1))
		})
	case !wild(part):
		path := filepath.Join(folder, part)
		if len(rest) > 0 {
			return gone(w.descend(path, rest, depth))
		}
		info, err := os.Stat(path)
		if err == nil && info.Mode().IsRegular() {
			w.file(path, info)
		}
		return gone(err)
	}
	return w.each(folder, func(e fs.DirEntry) error { return w.entry(folder, part, rest, depth, e) })
}

// entry looks at one name of a folder.
func (w *walker) entry(folder, part string, rest []string, depth int, e fs.DirEntry) error {
	name := e.Name()
	if ok, err := filepath.Match(part, name); err != nil || !ok || hidden(name) && !strings.HasPrefix(part, ".") {
		return err
	}
	path := filepath.Join(folder, name)
	if len(rest) > 0 {
		if !e.IsDir() {
			return nil
		}
		return gone(w.descend(path, rest, depth))
	}
	if !e.Type().IsRegular() || unfinished(name) {
		return nil
	}
	info, err := e.Info()
	if err == nil && info.Mode().IsRegular() {
		w.file(path, info)
	}
	return gone(err)
}

// each calls do for each entry of a folder, a batch at a time.
func (w *walker) each(folder string, do func(fs.DirEntry) error) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer d.Close()
	for {
		if err := w.ctx.Err(); err != nil {
			return fmt.Errorf("list %s: %w", folder, err)
		}
		entries, err := d.ReadDir(batch)
		if w.left -= len(entries); w.left < 0 {
			return &placeError{reasonTooMany, fmt.Errorf("list %s: there are more than %d files", folder, maxFiles), "narrow the pattern, or delete what is not needed"}
		}
		for _, e := range entries {
			if err := do(e); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// gone passes an error on, unless it only says that a file has vanished, or
// that a name is no folder.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	return err
}

// escaped makes a pattern of a path that has none.
func escaped(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// unfinished tells the names under which files are written before they get
// their own: those of rsync and restic begin with a dot.
func unfinished(name string) bool {
	name = strings.ToLower(name)
	for _, suffix := range []string{".tmp", ".part", ".partial", ".filepart", ".incomplete"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}
