package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Names of the environment variables that the house's own test run sets.
const (
	// SkippedVar names the file to which skips are appended.
	SkippedVar = "TOCSIN_SKIPPED"
	// ExpectAllVar, set to 1, turns a missing program into a failure.
	ExpectAllVar = "TOCSIN_EXPECT_ALL"
)

// systemFolders are searched after $PATH: servers live in sbin, which a
// user's PATH does not always have, and PostgreSQL's in a folder a version.
var systemFolders = []string{"/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/lib/postgresql/*/bin", "/lib/systemd", "/usr/lib/nagios/plugins"}

// Program returns the path of a program, for example
// Program(t, "nginx", "nginx-light"). Where it is not installed the test is
// skipped and the skip recorded; with TOCSIN_EXPECT_ALL=1 the test fails.
func Program(t testing.TB, name, debianPackage string) string {
	t.Helper()
	if path := find(name); path != "" {
		return path
	}
	missing(t, name, "the program", debianPackage)
	return ""
}

// File is Program for what a program needs and is none itself, a module of it:
// pattern is its path, as for filepath.Glob.
func File(t testing.TB, pattern, debianPackage string) string {
	t.Helper()
	if matches, _ := filepath.Glob(pattern); matches != nil { // the pattern is ours
		return matches[0]
	}
	missing(t, pattern, "the file", debianPackage)
	return ""
}

func missing(t testing.TB, name, kind, debianPackage string) {
	t.Helper()
	if os.Getenv(ExpectAllVar) == "1" {
		t.Fatalf("%s is not installed, and %s=1 expects it: apt-get install %s", name, ExpectAllVar, debianPackage)
	}
	record(t, name, kind+" is not installed", debianPackage)
	t.Skipf("SKIPPED: %s is not installed: apt-get install %s", name, debianPackage)
}

// Root skips the test unless it runs as root, and records the skip; with
// TOCSIN_EXPECT_ALL=1 the test fails.
func Root(t testing.TB, why string) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv(ExpectAllVar) == "1" {
		t.Fatalf("not root, and %s=1 expects it: %s", ExpectAllVar, why)
	}
	record(t, "root", why, "-")
	t.Skipf("SKIPPED: needs root: %s", why)
}

// Skip skips the test for a reason that no package can mend (a kernel that
// lacks something, credentials that were not given) and records the skip.
func Skip(t testing.TB, reason string) {
	t.Helper()
	record(t, "-", reason, "-")
	t.Skip("SKIPPED: " + reason)
}

func find(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, folder := range systemFolders {
		matches, _ := filepath.Glob(filepath.Join(folder, name)) // the pattern is ours
		for _, match := range slices.Backward(matches) {         // the newest version sorts last
			if path, err := exec.LookPath(match); err == nil {
				return path
			}
		}
	}
	return ""
}

// record appends one line for a skip. One write with O_APPEND keeps lines of
// test binaries that run side by side whole.
func record(t testing.TB, what, why, debianPackage string) {
	t.Helper()
	path := os.Getenv(SkippedVar)
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatalf("a skip could not be recorded: %v", err)
	}
	defer f.Close()
	line := strings.Join([]string{t.Name(), what, strings.ReplaceAll(why, "\n", " "), debianPackage}, "\t") + "\n"
	if _, err := f.WriteString(line); err != nil {
		t.Fatalf("a skip could not be recorded: %v", err)
	}
}
