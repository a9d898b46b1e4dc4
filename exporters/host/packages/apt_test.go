package packages

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/testenv"
)

// What this package works out is compared with what the real apt says of the
// same files.

// apt returns what runs a program of apt on the tree under root, which may be
// /, and returns what it prints.
func apt(t testing.TB, root string) func(program string, args ...string) string {
	t.Helper()
	folder := t.TempDir()
	settings := fmt.Sprintf("Dir::Cache %q;\n", folder)
	if root != "/" {
		settings += fmt.Sprintf("Dir %q;\nDir::State::status %q;\nAPT::Architecture \"amd64\";\nAPT::Architectures { \"amd64\"; \"i386\"; };\n",
			root, filepath.Join(root, "var/lib/dpkg/status"))
	}
	conf := filepath.Join(folder, "apt.conf")
	if err := os.WriteFile(conf, []byte(settings), 0o644); err != nil {
		t.Fatal(err)
	}
	return func(program string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), testenv.Program(t, program, "apt"), args...)
		cmd.Env = append(os.Environ(), "APT_CONFIG="+conf, "LC_ALL=C")
		var problems bytes.Buffer
		cmd.Stderr = &problems
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, problems.String())
		}
		return string(out)
	}
}

// candidates are what this package would have installed, by name:arch.
func candidates(t testing.TB, root string) map[string]string {
	t.Helper()
	installed, choice := load(t, root)
	all := map[string]string{}
	for _, k := range installed.all {
		all[k.name+":"+k.arch] = "(none)"
		if v := choice.candidate(k, func(*version) bool { return true }); v != nil {
			all[k.name+":"+k.arch] = v.text
		}
	}
	return all
}

// load reads a tree as readUpgrades does.
func load(t testing.TB, root string) (*inventory, *policy) {
	t.Helper()
	installed, choice, _, err := newChoice(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	return installed, choice
}

var policyLine = regexp.MustCompile(`(?m)^(\S+):\n  Installed: .*\n  Candidate: (.*)$`)

// aptCandidates are what apt would have installed.
func aptCandidates(t testing.TB, root string, names []string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, m := range policyLine.FindAllStringSubmatch(apt(t, root)("apt-cache", append([]string{"policy"}, names...)...), -1) {
		name := m[1]
		if !strings.Contains(name, ":") {
			name += ":amd64"
		}
		all[name] = m[2]
	}
	return all
}

// suites are the repositories of the made-up machine.
var suites = []struct{ list, release, source string }{
	{"a.example_debian_dists_stable_main_binary-%s", "Origin: Debian\nLabel: Debian\nSuite: stable\nCodename: bookworm\nVersion: 12.5\n", "http://a.example/debian stable main"},
	{"a.example_debian_dists_stable_contrib_binary-%s", "", "http://a.example/debian stable contrib"},
	{"a.example_debian-security_dists_stable-security_main_binary-%s", "Origin: Debian\nLabel: Debian-Security\nSuite: stable-security\nCodename: bookworm-security\nVersion: 12\n", "http://a.example/debian-security stable-security main"},
	{"a.example_debian_dists_stable-backports_main_binary-%s", "Origin: Debian Backports\nLabel: Debian Backports\nSuite: stable-backports\nCodename: bookworm-backports\nNotAutomatic: yes\nButAutomaticUpgrades: yes\n", "http://a.example/debian stable-backports main"},
	{"a.example_debian_dists_experimental_main_binary-%s", "Origin: Debian\nLabel: Debian\nSuite: experimental\nCodename: rc-buggy\nNotAutomatic: yes\n", "http://a.example/debian experimental main"},
	{"b.example:8080_apt_dists_any_main_binary-%s", "Origin: Vendor\nLabel: Vendor, Inc\nSuite: any\n", "http://b.example:8080/apt any main"},
	{"c.example_flat_._", "", "http://c.example/flat ./"},
	{"_srv_local_dists_own_main_binary-%s", "Origin: Own\nSuite: own\nCodename: own\n", "file:/srv/local own main"},
}

var pinKinds = []string{
	"release a=stable", "release n=bookworm-backports", "release o=Debian", "release o=Debian,a=stable-security", "release l=Debian Backports",
	"release stable", "release bookworm", "release 12*", "release v=12*", "release v=12.5", "release c=contrib", "release b=amd64", "release b=i386", "release *", "release a=now",
	"release o=Deb*", "release a=/^stable/", "release o=debian, a=STABLE", "release a=stable-security,c=main",
	"origin a.example", `origin "b.example"`, `origin ""`, "origin *.example", "origin /^[ab]\\./",
	"version 1.*", "version 1.2*", "version 2.0-1", "version /^1/", "version 1.[02]*", "Release a=stable",
	"version *", "release o=Nobody", "origin 8080",
}

var pinNames = []string{
	"*", "*", "*", "p1", "p2 p3", "p4:i386", "p5:any", "p6:amd64", "p?", "p[1-5]", "p[!1-5]", "/^p[0-9]$/", "src:s1", "src:s*", "*:i386", "*:any", "src:p1", "p7 *",
	"P1", "src:s2:i386", "p1:native",
}

var pinPriorities = []string{"-1", "1", "50", "99", "100", "101", "500", "501", "600", "990", "999", "1000", "1001", "-10", "never", "never"}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// machine makes up a machine: packages of two architectures, repositories and
// pins.
func madeUpMachine(r *rand.Rand) map[string]string {
	versions := []string{"1.0", "1.0-1", "1.2~rc1", "1.2", "1.2+b1", "1.10", "2.0-1", "1:0.5"}
	files := map[string]string{"etc/apt/sources.list": "", "etc/apt/preferences.d/README": "", "var/lib/apt/lists/partial/x": "", "usr/lib/x": ""}
	var status strings.Builder
	stanza := func(name, arch, version, source, more string) string {
		s := "Package: " + name + "\n" + more + "Architecture: " + arch + "\nMulti-Arch: same\nVersion: " + version + "\n"
		if arch == "all" {
			s = strings.ReplaceAll(s, "Multi-Arch: same\n", "")
		}
		if source != "" {
			s += "Source: " + source + "\n"
		}
		return s + "Maintainer: A <a@a.example>\nDescription: d\n\n"
	}
	sourceOf := map[string]string{"p1": "s1", "p2": "s1 (3.0)", "p3": "s2", "p4": "s2"}
	status.WriteString(stanza("dpkg", "amd64", "1.22", "", "Status: install ok installed\n"))
	architectures := map[string][]string{}
	for i := range 10 {
		name := fmt.Sprintf("p%d", i)
		architectures[name] = [][]string{{"amd64"}, {"all"}, {"amd64", "i386"}}[i%3]
		for _, arch := range architectures[name] {
			state := pick(r, []string{"install ok installed", "install ok installed", "hold ok installed", "deinstall ok config-files", "install ok unpacked"})
			status.WriteString(stanza(name, arch, versions[r.IntN(5)], sourceOf[name], "Status: "+state+"\n"))
		}
	}
	files["var/lib/dpkg/status"] = status.String()
	for _, s := range suites {
		files["etc/apt/sources.list"] += "deb [trusted=yes] " + s.source + "\n"
		prefix, _, _ := strings.Cut(s.list, "_main_")
		if s.release != "" {
			files["var/lib/apt/lists/"+prefix+"_InRelease"] = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n" + s.release +
				"Date: Sat, 10 Feb 2024 11:07:25 UTC\nArchitectures: all amd64 i386\nComponents: main contrib\nSHA256:\n 00 1 x\n-----BEGIN PGP SIGNATURE-----\n\nabc=\n-----END PGP SIGNATURE-----\n"
		}
		for _, arch := range []string{"amd64", "i386"} {
			path := "var/lib/apt/lists/" + strings.TrimSuffix(strings.ReplaceAll(s.list, "%s", arch), "_") + "_Packages"
			if !strings.Contains(s.list, "%s") && arch != "amd64" {
				continue
			}
			for name, archs := range architectures {
				for _, a := range archs {
					if (a == arch || a == "all" || !strings.Contains(s.list, "%s")) && r.IntN(2) == 0 {
						files[path] += stanza(name, a, pick(r, versions), sourceOf[name], "")
					}
				}
			}
		}
	}
	for i := range r.IntN(6) {
		name, priority := pick(r, pinNames), pick(r, pinPriorities)
		if priority == "never" { // apt allows it for all only
			name = "*"
		}
		files[fmt.Sprintf("etc/apt/preferences.d/%d", i)] = fmt.Sprintf("Explanation: why\n# a comment\nPackage: %s\nPin: %s\nPin-Priority: %s\n\n",
			name, pick(r, pinKinds), priority)
	}
	files["etc/apt/preferences.d/x.bak"] = "Package: *\nPin: release *\nPin-Priority: -1\n"
	if r.IntN(3) == 0 {
		files["etc/apt/preferences"] = "Package: " + pick(r, pinNames) + "\nPin: " + pick(r, pinKinds) + "\nPin-Priority: 700\n"
	}
	if r.IntN(4) == 0 {
		files["etc/apt/apt.conf.d/50default"] = "APT { Default-Release \"" + pick(r, []string{"stable", "bookworm-backports", "a=experimental", "stable*"}) + "\"; };\n"
	}
	return files
}

func TestCandidate_isThatOfAptOnMadeUpMachines(t *testing.T) {
	for seed := range uint64(60) {
		files := madeUpMachine(rand.New(rand.NewPCG(seed, 7)))
		root := testenv.Tree(t, files)
		ours := candidates(t, root)
		theirs := aptCandidates(t, root, slices.Sorted(maps.Keys(ours)))
		if diff := cmp.Diff(theirs, ours); diff != "" {
			var pins strings.Builder
			for _, name := range slices.Sorted(maps.Keys(files)) {
				if strings.Contains(name, "etc/apt/pref") || strings.Contains(name, "apt.conf") {
					fmt.Fprintf(&pins, "%s:\n%s", name, files[name])
				}
			}
			t.Errorf("machine %d: apt (-) and we (+) differ:\n%s\n%s", seed, diff, pins.String())
		}
	}
}
