package accounts

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// keys are those that sshd would take for the accounts that may log in.
type keys struct {
	count     int
	unread    int  // accounts whose keys could not all be looked at
	elsewhere bool // sshd takes keys from where they are not counted
}

// countKeys counts the keys of all accounts that may log in.
func countKeys(ctx context.Context, root string, accounts []account) (keys, error) {
	settings := sshd{root: root}
	err := settings.read(filepath.Join(root, "etc/ssh/sshd_config"), 0)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // no sshd; keys may lie there all the same
	}
	found := keys{elsewhere: settings.elsewhere}
	patterns := settings.files
	if patterns == nil {
		patterns = []string{".ssh/authorized_keys", ".ssh/authorized_keys2"} // sshd_config(5)
	}
	for i, a := range accounts {
		if ctx.Err() != nil {
			return found, ctx.Err()
		}
		if !a.mayLogIn() {
			continue
		}
		if i >= maxAccounts {
			found.unread++
			continue
		}
		whole := true
		for _, path := range paths(root, &a, patterns) {
			n, err := keysIn(path)
			found.count += n
			whole = whole && err == nil
		}
		if !whole {
			found.unread++
		}
	}
	return found, err
}

// paths puts an account in the patterns of AuthorizedKeysFile.
func paths(root string, a *account, patterns []string) []string {
	var all []string
	for _, pattern := range patterns {
		if pattern == "none" {
			continue
		}
		path := strings.NewReplacer("%%", "%", "%h", a.home, "%u", a.name, "%U", a.uid).Replace(pattern)
		if !filepath.IsAbs(path) {
			path = filepath.Join(a.home, path)
		}
		path = filepath.Join(root, path)
		if !slices.Contains(all, path) {
			all = append(all, path)
		}
	}
	return all
}

// keysIn counts the keys in a file; one that is not there has none. The file
// is somebody's own: it may be a pipe that nobody writes to.
func keysIn(path string) (int, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return 0, errors.Join(err, errors.New("it is no plain file"))
	}
	count := 0
	limited := &io.LimitedReader{R: f, N: maxFile}
	lines := bufio.NewScanner(limited)
	lines.Buffer(nil, 64<<10) // keys of 16,384 bits take 3 kB
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) >= 2 && !strings.HasPrefix(fields[0], "#") {
			count++
		}
	}
	if limited.N == 0 {
		return count, errors.New("it is too long")
	}
	return count, lines.Err()
}

// sshd is what sshd's settings say of keys.
type sshd struct {
	root      string
	files     []string // of AuthorizedKeysFile; nil: not said
	elsewhere bool
}

// read reads a file of settings and those that it includes. The first value
// counts (sshd_config(5)); what stands under Match is for some accounts only
// and is not counted.
func (s *sshd) read(path string, depth int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var errs []error
	matched := false
	lines := bufio.NewScanner(io.LimitReader(f, maxFile))
	for lines.Scan() {
		words := strings.Fields(strings.ReplaceAll(strings.Replace(lines.Text(), "=", " ", 1), `"`, ""))
		if len(words) < 2 || strings.HasPrefix(words[0], "#") {
			continue
		}
		switch strings.ToLower(words[0]) {
		case "match":
			matched = true
		case "authorizedkeysfile":
			if matched {
				s.elsewhere = true
			} else if s.files == nil {
				s.files = words[1:]
			}
		case "authorizedkeyscommand", "trustedusercakeys":
			s.elsewhere = s.elsewhere || words[1] != "none"
		case "include":
			if matched {
				continue
			}
			for _, pattern := range words[1:] {
				errs = append(errs, s.include(pattern, depth+1))
			}
		}
	}
	return errors.Join(append(errs, lines.Err())...)
}

// maxDepth is how deep files may include one another, as in sshd.
const maxDepth = 16

func (s *sshd) include(pattern string, depth int) error {
	if depth > maxDepth {
		return errors.New("sshd's settings include one another without end")
	}
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join("/etc/ssh", pattern)
	}
	paths, err := filepath.Glob(filepath.Join(s.root, pattern))
	errs := []error{err}
	for _, path := range paths[:min(len(paths), 100)] {
		errs = append(errs, s.read(path, depth))
	}
	return errors.Join(errs...)
}
