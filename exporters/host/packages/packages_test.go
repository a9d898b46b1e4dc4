package packages

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/testenv"
)

// machine is a Debian machine with a security update, an Ubuntu repository
// whose updates come by steps, and a package that is held.
func machine() map[string]string {
	status := func(name, state, version string) string {
		return "Package: " + name + "\nStatus: " + state + "\nArchitecture: amd64\nVersion: " + version + "\n\n"
	}
	offer := func(name, version, more string) string {
		return "Package: " + name + "\nArchitecture: amd64\nVersion: " + version + "\n" + more + "\n"
	}
	const on = "install ok installed"
	return map[string]string{
		"proc/1/ns/x": "", "var/lib/apt/lists/partial/x": "",
		"var/lib/dpkg/status": status("dpkg", on, "1.22") + status("fixed", on, "1.0-1") + status("later", on, "1.0-1") +
			status("held", "hold ok installed", "1.0-1") + status("step", on, "1.0-1") + status("stepfix", on, "1.0-1") +
			status("both", on, "1.0-1") + status("current", "hold ok installed", "2.0-1") + status("gone", "deinstall ok config-files", "1.0-1"),
		"var/lib/apt/lists/a_dists_s-security_InRelease": "Origin: Debian\nLabel: Debian-Security\nSuite: s-security\nCodename: c\nValid-Until: Thu, 20 Feb 2025 08:12:00 UTC\n",
		"var/lib/apt/lists/a_dists_s-security_main_binary-amd64_Packages": offer("fixed", "1.0-1+deb1", "") + offer("later", "1.0-1+deb1", "") +
			offer("held", "1.0-1+deb1", "") + offer("stepfix", "1.1-1", "") + offer("current", "1.9-1", "") + offer("gone", "1.1-1", ""),
		"var/lib/apt/lists/a_dists_s_InRelease": "Origin: Debian\nLabel: Debian\nSuite: s\nCodename: c\n",
		"var/lib/apt/lists/a_dists_s_main_binary-amd64_Packages": offer("later", "1.2-1", "") + offer("step", "1.2-1", "Phased-Update-Percentage: 20\n") +
			offer("stepfix", "1.2-1", "Phased-Update-Percentage: 0\n") + offer("both", "1.1-1", "") + offer("both", "1.2-1", "Phased-Update-Percentage: 99\n"),
	}
}

func TestPackages_countsByOrigin(t *testing.T) {
	root := testenv.Tree(t, machine())
	r := collectortest.Once(t, New(root, filepath.Join(root, "proc")))
	if r.Reason != "" {
		t.Errorf("%s: %s", r.Reason, r.Err)
	}
	got := maps.Clone(r.Samples)
	delete(got, "apt_package_cache_timestamp_seconds")
	want := map[string]float64{
		"apt_upgrades_pending{amd64|Debian:c/s-security}":                        2, // fixed, held
		"apt_upgrades_pending{amd64|Debian:c/s}":                                 3, // later, both, stepfix
		"apt_upgrades_held{amd64|Debian:c/s-security}":                           1,
		"tocsin_host_phased_upgrades_pending{amd64|Debian:c/s}":                  1, // step: nothing else would be chosen
		"tocsin_host_security_upgrades_pending{Debian:c/s-security}":             4, // fixed, held, later, stepfix
		"tocsin_host_package_list_expiry_timestamp_seconds{Debian:c/s-security}": 1740039120,
		"tocsin_host_package_lists":                                              2,
		"tocsin_host_packages_held":                                              2,
		"tocsin_host_unattended_upgrades_enabled":                                0,
		"node_reboot_required":                                                   0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	info, err := os.Stat(filepath.Join(root, "var/lib/apt/lists/partial"))
	if err != nil {
		t.Fatal(err)
	}
	if at := r.Samples["apt_package_cache_timestamp_seconds"]; at != seconds(info.ModTime()) {
		t.Errorf("the cache is of %v, want %v", at, info.ModTime())
	}
}

func TestPackages_conformance(t *testing.T) {
	root := testenv.Tree(t, machine())
	for name, root := range map[string]string{"made up": root, "this machine": "/"} {
		t.Run(name, func(t *testing.T) {
			collectortest.Run(t, func(testing.TB) frame.Collector { return New(root, filepath.Join(root, "proc")) })
		})
	}
}

func TestPackages_otherSystemsHaveNone(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"nothing":  {"etc/x": ""},
		"dpkg":     {"var/lib/dpkg/status": ""},
		"apt only": {"var/lib/apt/lists/x": ""},
	} {
		root := testenv.Tree(t, files)
		if r := collectortest.Once(t, New(root, filepath.Join(root, "proc"))); r.Reason != "" || len(r.Samples) > 0 {
			t.Errorf("%s: %q %v", name, r.Reason, r.Samples)
		}
	}
}

func TestPackages_withoutListsSaysNothingOfUpgrades(t *testing.T) {
	files := machine()
	maps.DeleteFunc(files, func(name, _ string) bool { return strings.HasSuffix(name, "_Packages") })
	root := testenv.Tree(t, files)
	r := collectortest.Once(t, New(root, filepath.Join(root, "proc")))
	if r.Samples["tocsin_host_package_lists"] != 0 || r.Reason != "" {
		t.Errorf("%q %v", r.Reason, r.Samples)
	}
	for name := range r.Samples {
		if strings.Contains(name, "upgrades_pending") || strings.Contains(name, "upgrades_held") {
			t.Errorf("%s is said without a list", name)
		}
	}
}

func TestPackages_noneIsSaidByEmptyLabels(t *testing.T) {
	files := machine()
	for name := range files {
		if strings.HasSuffix(name, "_Packages") {
			files[name] = "Package: other\nArchitecture: amd64\nVersion: 1\n"
		}
	}
	root := testenv.Tree(t, files)
	r := collectortest.Once(t, New(root, filepath.Join(root, "proc")))
	for _, name := range []string{"apt_upgrades_pending{|}", "apt_upgrades_held{|}", "tocsin_host_security_upgrades_pending{Debian:c/s-security}"} {
		if v, ok := r.Samples[name]; !ok || v != 0 {
			t.Errorf("%s is %v, %v", name, v, ok)
		}
	}
}

// Damage of one file costs what that file says, and is told by its name.
func TestPackages_partialSuccess(t *testing.T) {
	const security = "var/lib/apt/lists/a_dists_s-security_main_binary-amd64_Packages"
	for name, test := range map[string]struct {
		change func(map[string]string)
		err    string
		want   map[string]float64 // -1: absent
	}{
		"a line of a list": {
			func(f map[string]string) { f[security] = "noise\n" + f[security] }, security + ": line 1: malformed",
			map[string]float64{"apt_upgrades_pending{amd64|Debian:c/s}": 3, "apt_upgrades_pending{amd64|Debian:c/s-security}": 2, "tocsin_host_security_upgrades_pending{Debian:c/s-security}": 4},
		},
		"a list in a form that is not read": {
			func(f map[string]string) { f[security+".zst"] = f[security]; delete(f, security) }, "let apt keep its lists",
			map[string]float64{"apt_upgrades_pending{amd64|Debian:c/s}": 2, "tocsin_host_security_upgrades_pending{Debian:c/s-security}": -1, "tocsin_host_package_lists": 1},
		},
		"a list cut off": {
			func(f map[string]string) { f[security+".gz"] = "\x1f\x8b\x08\x00"; delete(f, security) }, security + ".gz: unexpected EOF",
			map[string]float64{"tocsin_host_security_upgrades_pending{Debian:c/s-security}": -1, "tocsin_host_package_lists": 1},
		},
		"a pin": {
			func(f map[string]string) { f["etc/apt/preferences.d/x"] = "Package: step\nPin: version 1\n" }, "preferences.d/x: the pin of",
			map[string]float64{"apt_upgrades_pending{amd64|Debian:c/s}": 3},
		},
		"a setting": {
			func(f map[string]string) { f["etc/apt/apt.conf.d/x"] = "APT {" }, "apt.conf.d/x: it ends within",
			map[string]float64{"apt_upgrades_pending{amd64|Debian:c/s}": 3},
		},
		"the status": {
			func(f map[string]string) { f["var/lib/dpkg/status"] = "noise\n" }, "dpkg itself is not among",
			map[string]float64{"apt_upgrades_pending{|}": -1, "apt_upgrades_pending{amd64|Debian:c/s}": -1, "node_reboot_required": 0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			files := machine()
			test.change(files)
			root := testenv.Tree(t, files)
			r := collectortest.Once(t, New(root, filepath.Join(root, "proc")))
			if !strings.Contains(r.Err, test.err) {
				t.Errorf("the error is %q, want %q", r.Err, test.err)
			}
			for name, want := range test.want {
				if got, ok := r.Samples[name]; ok == (want == -1) || ok && got != want {
					t.Errorf("%s is %v (%v), want %v", name, got, ok, want)
				}
			}
		})
	}
}

func TestPackages_survivesDamage(t *testing.T) {
	for kind, hurt := range map[string]func(string) string{
		"empty": func(string) string { return "" },
		"cut":   func(s string) string { return s[:len(s)*2/3] },
		"noise": func(string) string { return "\x00\xff: : - \n12 x\n{ } ;\n\"\nPackage\nPackage: *\nPin: \n" },
	} {
		for _, whole := range slices.Sorted(maps.Keys(machine())) {
			files := machine()
			files["etc/apt/preferences"] = "Package: *\nPin: release o=Debian\nPin-Priority: 990\n"
			files["etc/apt/apt.conf"] = "APT::Default-Release \"s\";\n"
			files["run/reboot-required"], files["run/reboot-required.pkgs"] = "", "linux-base\n"
			files[whole] = hurt(files[whole])
			root := testenv.Tree(t, files)
			if r := collectortest.Once(t, New(root, filepath.Join(root, "proc"))); r.Reason == frame.ReasonPanic || r.Reason == frame.ReasonInvalid {
				t.Errorf("%s, %s: %s: %s", kind, whole, r.Reason, r.Err)
			}
		}
	}
}

func TestPackages_readsAgainWhatChanged(t *testing.T) {
	files := machine()
	root := testenv.Tree(t, files)
	c := New(root, filepath.Join(root, "proc"))
	const pending = "apt_upgrades_pending{amd64|Debian:c/s-security}"
	first := collectortest.Once(t, c)
	kept := c.(*collector).known
	if collectortest.Once(t, c); c.(*collector).known != kept {
		t.Error("nothing changed, and all was read again")
	}
	path := filepath.Join(root, "var/lib/dpkg/status")
	status := strings.Replace(files["var/lib/dpkg/status"], "Package: fixed\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-1\n", "Package: fixed\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-1+deb1\n", 1)
	if err := os.WriteFile(path, []byte(status), 0o644); err != nil {
		t.Fatal(err)
	}
	if second := collectortest.Once(t, c); first.Samples[pending] != 2 || second.Samples[pending] != 1 {
		t.Errorf("first %v, then %v, want 2 and 1", first.Samples[pending], second.Samples[pending])
	}
}

func TestPackages_thisMachine(t *testing.T) {
	realRoots(t)
	r := collectortest.Once(t, New("/", "/proc"))
	if r.Reason != "" {
		t.Errorf("%s: %s", r.Reason, r.Err)
	}
	if r.Samples["tocsin_host_package_lists"] == 0 || r.Samples["apt_package_cache_timestamp_seconds"] < 1e9 {
		t.Errorf("%v", r.Samples)
	}
}
