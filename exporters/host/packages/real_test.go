package packages

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/testenv"
)

// realRoots are this machine and those trees, as debootstrap makes them, that
// the environment names.
func realRoots(t testing.TB) []string {
	t.Helper()
	roots := append([]string{"/"}, filepath.SplitList(os.Getenv("TOCSIN_APT_ROOTS"))...)
	for _, root := range roots {
		lists, err := filepath.Glob(filepath.Join(root, "var/lib/apt/lists/*_Packages*"))
		if err != nil || len(lists) == 0 {
			testenv.Skip(t, "apt has no lists of packages under "+root+": apt-get update")
		}
	}
	return roots
}

var (
	listLine = regexp.MustCompile(`(?m)^(\S+?)/\S* (\S+) (\S+) \[upgradable from: (\S+)\]$`)
	instLine = regexp.MustCompile(`(?m)^Inst (\S+) \[(\S+)\] \((\S+) .*\[(\S+)\]\)`)
)

// upgradable is what `apt list --upgradable` says, which is what apt_info.py
// counts: package and architecture, old and new version.
func upgradable(list string) map[string]string {
	all := map[string]string{}
	for _, m := range listLine.FindAllStringSubmatch(list, -1) {
		all[m[1]+" "+m[3]] = m[4] + " > " + m[2]
	}
	return all
}

func TestUpgrades_areThoseOfAptLineByLine(t *testing.T) {
	for _, root := range realRoots(t) {
		installed, choice := load(t, root)
		ours := map[string]string{}
		for _, k := range installed.all {
			if v := choice.candidate(k, func(*version) bool { return true }); newer(v, k.current) {
				ours[k.name+" "+v.arch] = k.current.text + " > " + v.text
			}
		}
		ask := apt(t, root)
		theirs := upgradable(ask("apt", "list", "--upgradable"))
		if diff := cmp.Diff(theirs, ours); diff != "" {
			t.Errorf("%s: apt (-) and we (+) differ:\n%s", root, diff)
		}

		// The solver may keep some back, but upgrades none that is not among these.
		for _, verb := range []string{"upgrade", "dist-upgrade"} {
			kept := len(ours)
			for _, m := range instLine.FindAllStringSubmatch(ask("apt-get", "-s", "-o", "Debug::NoLocking=true", verb), -1) {
				name, _, _ := strings.Cut(m[1], ":")
				if got, want := ours[name+" "+m[4]], m[2]+" > "+m[3]; got != want {
					t.Errorf("%s: apt-get %s has %s %s, we have %q", root, verb, name, want, got)
				}
				kept--
			}
			t.Logf("%s: %d upgrades, all as apt has them; apt-get %s keeps %d back", root, len(ours), verb, kept)
		}
	}
}
