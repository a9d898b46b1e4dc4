// Package packaging has no code, only tests of what is installed beside the
// binary: the unit is sound and hardened, the page of a machine is the same
// inside it as outside, and the list of Debian packages has what tests need.
package packaging

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/testenv"
)

const unitFile = "tocsin.service"

// unit is the section Service: each directive with its values, in order.
type unit map[string][]string

// last returns the value that counts of a directive that is no list.
func (u unit) last(directive string) string {
	values := u[directive]
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

func (u unit) yes(directive string) bool { return u.last(directive) == "yes" }

func readUnit(path string) (unit, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	u, section := unit{}, ""
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if line[0] == '[' {
			section = line
			continue
		}
		directive, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, fmt.Errorf("%s: %q is no directive", path, line)
		}
		if section == "[Service]" {
			u[directive] = append(u[directive], value)
		}
	}
	return u, lines.Err()
}

// variant writes the unit with some directives changed, in a folder that
// anybody may read.
func variant(t *testing.T, change map[string]string) string {
	t.Helper()
	content, err := os.ReadFile(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	for directive, value := range change {
		line := regexp.MustCompile(`(?m)^` + directive + `=.*$`)
		if !line.Match(content) {
			t.Fatalf("the unit has no %s to change", directive)
		}
		content = line.ReplaceAllLiteral(content, []byte(directive+"="+value))
	}
	path := filepath.Join(openFolder(t), unitFile)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// openFolder returns a folder that other users can enter.
func openFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// runnable is the unit with a program that is there.
func runnable(t *testing.T) string {
	t.Helper()
	return variant(t, map[string]string{"ExecStart": testenv.Program(t, "true", "coreutils") + " run"})
}

func TestUnit_isUnderstoodBySystemd(t *testing.T) {
	analyze := testenv.Program(t, "systemd-analyze", "systemd")
	out, err := exec.Command(analyze, "verify", runnable(t)).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

// TestUnit_isHardened holds the exposure that systemd itself computes: 2.5 of
// 10 or less, where a service without any hardening has 9.6.
func TestUnit_isHardened(t *testing.T) {
	analyze := testenv.Program(t, "systemd-analyze", "systemd")
	out, err := exec.Command(analyze, "security", "--offline=yes", "--threshold=25", "--no-pager", runnable(t)).CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}
	overall := regexp.MustCompile(`(?m)^.*Overall exposure.*$`).Find(out)
	t.Logf("%s", overall)
}

// TestUnit_directivesAreConsidered makes whoever adds a directive ask whether
// it makes the page lie, and do by hand in confine what it does.
func TestUnit_directivesAreConsidered(t *testing.T) {
	u, err := readUnit(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	for directive := range u {
		if !slices.Contains(confined, directive) && !slices.Contains(elsewhere, directive) {
			t.Errorf("%s= is new: apply it in confine, or list it with those that cannot change what is seen", directive)
		}
	}
	for _, directive := range slices.Concat(confined, elsewhere) {
		if _, ok := u[directive]; !ok {
			t.Errorf("%s= is not in the unit any more", directive)
		}
	}
}
