package packages

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/frame/collectortest"
	"tocsin/internal/testenv"
)

func TestConf_readsWhatAptReads(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want conf
		err  string
	}{
		"flat":           {`APT::Periodic::Enable "1"; A::B "x y";`, conf{"apt::periodic::enable": "1", "a::b": "x y"}, ""},
		"blocks":         {"APT {\n Periodic {\n  Enable \"0\";\n };\n Default-Release \"stable\"\n}\n", conf{"apt::periodic::enable": "0", "apt::default-release": "stable"}, ""},
		"block of names": {`APT::Periodic { Enable "1"; };`, conf{"apt::periodic::enable": "1"}, ""},
		"lists":          {`A { "x"; "y"; }; B:: "z"; C "1";`, conf{"b::": "z", "c": "1"}, ""},
		"comments":       {"// A \"1\";\n# B \"2\";\n/* C \"3\"; */ D \"4\"; // }\nE \"http://x/\";", conf{"d": "4", "e": "http://x/"}, ""},
		"no quotes":      {"A 1; B yes;", conf{"a": "1", "b": "yes"}, ""},
		"the last wins":  {`A "1"; a "2";`, conf{"a": "2"}, ""},
		"clear":          {`A::B "1"; A::C "2"; AB "3"; #clear A; A::D "4";`, conf{"ab": "3", "a::d": "4"}, ""},
		"empty value":    {`A ""; B "";`, conf{"a": "", "b": ""}, ""},
		"empty":          {"", conf{}, ""},
		"open block":     {`A { B "1";`, conf{"a::b": "1"}, "within a setting or block"},
		"open setting":   {`A "1"; B "2"`, conf{"a": "1"}, "within a setting or block"},
		"open string":    {`A "1; B "2"`, conf{}, "within a setting or block"},
		"odd brace":      {`A "1"; } B "2";`, conf{"a": "1"}, "closes no block"},
	} {
		got := conf{}
		err := got.parse(test.text)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: the error is %v, want %q", name, err, test.err)
		}
	}
}

// The real apt reads the real settings of this machine, and ours.
func TestConf_agreesWithApt(t *testing.T) {
	root := testenv.Tree(t, map[string]string{
		"etc/apt/apt.conf.d/10a":     "APT { Periodic { Enable \"1\"; Unattended-Upgrade \"7\"; }; };\n// APT::X \"0\";\n",
		"etc/apt/apt.conf.d/20b":     "apt::periodic::enable \"0\"; #clear APT::Periodic::Unattended-Upgrade;\nAPT::A { \"l\"; };\n",
		"etc/apt/apt.conf.d/30.bak":  "APT::B \"1\";\n",
		"etc/apt/apt.conf.d/40.conf": "APT::C \"1\"; APT::D::E \"a // b # c\";\n",
		"etc/apt/apt.conf":           "APT::C \"2\";\n",
		"var/lib/dpkg/status":        "", "var/lib/apt/lists/partial/x": "", "var/cache/apt/archives/partial/x": "",
	})
	ours, err := readConf(filepath.Join(root, "etc/apt"))
	if err != nil {
		t.Fatal(err)
	}
	theirs := conf{}
	if err := theirs.parse(apt(t, root)("apt-config", "dump")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"apt::periodic::enable", "apt::periodic::unattended-upgrade", "apt::x", "apt::b", "apt::c", "apt::d::e"} {
		if ours[name] != theirs[name] {
			t.Errorf("%s is %q for apt, %q for us", name, theirs[name], ours[name])
		}
	}
}

func FuzzConf(f *testing.F) {
	f.Add(`A { B "1"; /* x */ #clear C; }; // y`)
	f.Fuzz(func(t *testing.T, text string) {
		c := conf{}
		if err := c.parse(text); err == nil && strings.Count(text, "{") < strings.Count(text, "}") && !strings.ContainsAny(text, "\"#/") {
			t.Errorf("%q has more ends than blocks, and is read", text)
		}
	})
}

func TestUnattended_isOnByAptsSettings(t *testing.T) {
	for text, want := range map[string]bool{
		``: false, `APT::Periodic::Unattended-Upgrade "1";`: true, `APT::Periodic::Unattended-Upgrade "0";`: false,
		`APT::Periodic::Unattended-Upgrade "12h";`: true, `APT::Periodic::Unattended-Upgrade "always";`: true, `APT::Periodic::Unattended-Upgrade "0d";`: false,
		`APT::Periodic::Unattended-Upgrade "1"; APT::Periodic::Enable "0";`: false, `APT::Periodic::Unattended-Upgrade "1"; APT::Periodic::Enable "1";`: true,
	} {
		c := conf{}
		if err := c.parse(text); err != nil {
			t.Fatal(err)
		}
		if got := c.unattended(); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestStamps_tellWhen(t *testing.T) {
	files := machine()
	files["etc/apt/apt.conf.d/20auto"] = `APT::Periodic::Update-Package-Lists "1"; APT::Periodic::Unattended-Upgrade "1";`
	files["usr/bin/unattended-upgrade"] = ""
	files["run/reboot-required"] = "*** System restart required ***\n"
	files["run/reboot-required.pkgs"] = "linux-image-6.1.0-40-amd64\nlibc6\nlibc6\n\nnot a name\n"
	for i := range 30 {
		files["run/reboot-required.pkgs"] += fmt.Sprintf("x%02d\n", i)
	}
	stamps := map[string]string{
		"var/lib/apt/periodic/update-success-stamp":      "apt_package_cache_timestamp_seconds",
		"var/lib/apt/periodic/unattended-upgrades-stamp": "tocsin_host_unattended_upgrades_last_run_timestamp_seconds",
		"run/reboot-required":                            "tocsin_host_reboot_requested_timestamp_seconds",
	}
	maps.Copy(files, map[string]string{"var/lib/apt/periodic/update-success-stamp": "", "var/lib/apt/periodic/unattended-upgrades-stamp": "", "var/lib/apt/periodic/upgrade-stamp": ""})
	root := testenv.Tree(t, files)
	for i, path := range slices.Sorted(maps.Keys(stamps)) {
		when := time.Unix(1_700_000_000+int64(i), 0)
		if err := os.Chtimes(filepath.Join(root, path), when, when); err != nil {
			t.Fatal(err)
		}
	}
	r := collectortest.Once(t, New(root, filepath.Join(root, "proc")))
	for i, path := range slices.Sorted(maps.Keys(stamps)) {
		if got := r.Samples[stamps[path]]; got != float64(1_700_000_000+i) {
			t.Errorf("%s is %v", stamps[path], got)
		}
	}
	packages := 0
	for name := range r.Samples {
		if strings.HasPrefix(name, "tocsin_host_reboot_required_package_info") {
			packages++
		}
	}
	if r.Samples["node_reboot_required"] != 1 || r.Samples["tocsin_host_reboot_required_package_info{libc6}"] != 1 || packages != maxPackages {
		t.Errorf("%d packages want a reboot: %v", packages, r.Samples)
	}
	if r.Samples["tocsin_host_unattended_upgrades_enabled"] != 1 {
		t.Error("unattended-upgrades is not on")
	}
}
