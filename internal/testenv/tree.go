package testenv

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Tree puts files under a new folder and returns it: a machine whose /etc,
// /proc and /var a test makes up. Content that begins with "-> " makes a link
// to what follows.
func Tree(t testing.TB, files map[string]string) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, link := strings.CutPrefix(content, "-> "); link {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// ShortDir makes a folder whose path leaves room for a Unix socket's, which
// has 107 bytes at most (unix(7)); t.TempDir's has the test's name in it.
func ShortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "t") //nolint:usetesting // for its length
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // a leftover is no fault of the test
	return dir
}
