package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxFiles bounds how many files a pattern may match.
const maxFiles = 10_000

// newestChange returns when one of the files that a pattern matches was last
// written to, in seconds since 1970; 0 where there is none. Files that are
// empty do not count: logrotate makes them. What may not be read is an error,
// not a source that is silent.
func newestChange(pattern string) (float64, error) {
	paths, err := match(pattern)
	if err != nil {
		return 0, err
	}
	newest := 0.0
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case gone(err): // rotated away meanwhile
		case err != nil:
			return 0, err
		case info.Mode().IsRegular() && info.Size() > 0:
			newest = max(newest, float64(info.ModTime().UnixNano())/1e9)
		}
	}
	return newest, nil
}

// match is filepath.Glob, but for folders that cannot be read: there Glob
// finds nothing, and says nothing.
func match(pattern string) ([]string, error) {
	paths := []string{"/"}
	for part := range strings.SplitSeq(strings.TrimPrefix(pattern, "/"), "/") {
		var next []string
		for _, path := range paths {
			if !strings.ContainsAny(part, `*?[\`) {
				next = append(next, filepath.Join(path, part))
				continue
			}
			entries, err := os.ReadDir(path)
			if err != nil && !gone(err) {
				return nil, err
			}
			for _, e := range entries {
				if ok, _ := filepath.Match(part, e.Name()); ok { // Validate has tried the pattern
					next = append(next, filepath.Join(path, e.Name()))
				}
			}
		}
		if paths = next; len(paths) > maxFiles {
			return nil, fmt.Errorf("%s matches more than %d files; write a narrower pattern", pattern, maxFiles)
		}
	}
	return paths, nil
}

// gone tells whether an error only says that there is no such file.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) }
