package accounts

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	maxFile     = 8 << 20 // bytes of one file
	maxAccounts = 10_000  // whose keys are looked for
)

// An account is one line of passwd(5).
type account struct {
	name, password, uid, gid, home, shell string
}

// mayLogIn tells whether the account's shell is one. No shell at all stands
// for /bin/sh; the others end at once, or do one thing.
func (a *account) mayLogIn() bool {
	return !slices.Contains([]string{"nologin", "false", "true", "sync", "shutdown", "halt"}, filepath.Base(a.shell)) || a.shell == ""
}

// readAccounts reads passwd. What could be read comes with the error, which
// names lines by their number: they hold people's names.
func readAccounts(path string) ([]account, error) {
	var all []account
	err := readLines(path, 7, func(f []string) {
		all = append(all, account{name: f[0], password: f[1], uid: f[2], gid: f[3], home: f[5], shell: f[6]})
	})
	return all, err
}

// rootGroups are those whose members can become root, by sudo or by starting
// a container. A machine has some of them.
var rootGroups = []string{"admin", "docker", "incus-admin", "lxd", "sudo", "wheel"}

// readGroups counts the members of those of rootGroups that there are: those
// who are listed in group(5), and those whose own group it is.
func readGroups(path string, accounts []account) (map[string]int, error) {
	members := map[string]int{}
	err := readLines(path, 4, func(f []string) {
		if !slices.Contains(rootGroups, f[0]) {
			return
		}
		names := map[string]bool{}
		for name := range strings.SplitSeq(f[3], ",") {
			if name != "" {
				names[name] = true
			}
		}
		for _, a := range accounts {
			if a.gid == f[2] {
				names[a.name] = true
			}
		}
		members[f[0]] = len(names)
	})
	return members, err
}

// readOpen counts the accounts that need no password: their field in shadow(5),
// or in passwd, is empty.
func readOpen(path string, accounts []account) (int, error) {
	open := map[string]bool{}
	for _, a := range accounts {
		open[a.name] = a.password == ""
	}
	err := readLines(path, 9, func(f []string) {
		if _, known := open[f[0]]; known && f[1] == "" {
			open[f[0]] = true
		}
	})
	count := 0
	for _, is := range open {
		if is {
			count++
		}
	}
	return count, err
}

// readLines hands the fields of each line to use. Empty lines, comments and
// those of NIS, which begin with + or -, are passed over.
func readLines(path string, fields int, use func([]string)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	limited := &io.LimitedReader{R: f, N: maxFile}
	lines := bufio.NewScanner(limited)
	lines.Buffer(nil, 1<<20)
	var malformed error
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if line == "" || strings.ContainsRune("#+-", rune(line[0])) {
			continue
		}
		parts := strings.Split(line, ":")
		if len(parts) != fields || parts[0] == "" {
			if malformed == nil {
				malformed = fmt.Errorf("%s: line %d is malformed", path, n)
			}
			continue
		}
		use(parts)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", path, errors.Join(err, malformed))
	}
	if limited.N == 0 {
		return fmt.Errorf("%s: longer than %d bytes; the rest is not read", path, maxFile)
	}
	return malformed
}
