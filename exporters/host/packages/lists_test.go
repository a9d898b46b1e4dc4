package packages

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pierrec/lz4/v4"

	"tocsin/internal/testenv"
)

// manyPackages is a list of n packages, shaped like Debian's.
func manyPackages(n int) string {
	var b strings.Builder
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		fmt.Fprintf(&b, "Package: package-%d\nSource: source-%d (1.%d)\nVersion: 1.%d-%d+deb12u1\nInstalled-Size: %d\nMaintainer: Debian Team <team@lists.example>\n"+
			"Architecture: amd64\nDepends: libc6 (>= 2.36), libgcc-s1 (>= 3.0), package-%d (= 1.%d), package-%d | package-%d\nDescription: a package that is like others\n"+
			"Homepage: https://www.example/%x\nDescription-md5: %016x%016x\nTag: devel::library, implemented-in::c, role::shared-lib,\n interface::commandline, scope::utility\nSection: libs\nPriority: optional\n"+
			"Filename: pool/main/p/package-%d/package-%d_1.%d-1_amd64.deb\nSize: %d\nMD5sum: %016x%016x\nSHA256: %016x%016x%016x%016x\n\n",
			i, i/3, i, i%40, i%7, r.IntN(1e6), r.IntN(n), i, r.IntN(n), r.IntN(n), i, r.Uint64(), r.Uint64(), i, i, i, r.IntN(1e7),
			r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64())
	}
	return b.String()
}

// pack compresses as apt does.
func pack(t testing.TB, form, text string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch form {
	case ".gz":
		w = gzip.NewWriter(&b)
	case ".lz4":
		w = lz4.NewWriter(&b)
	case ".xz":
		cmd := exec.CommandContext(t.Context(), testenv.Program(t, "xz", "xz-utils"), "-6", "--stdout")
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	default:
		return text
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const status = "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.22\n\n" +
	"Package: package-999\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-1\n"

func TestList_allFormsThatAptKeeps(t *testing.T) {
	text := manyPackages(1000)
	for _, form := range []string{"", ".gz", ".lz4", ".xz"} {
		t.Run("plain"+form, func(t *testing.T) {
			packed := pack(t, form, text)
			const name = "var/lib/apt/lists/a_dists_s_main_binary-amd64_Packages"
			files := map[string]string{"var/lib/dpkg/status": status, name + form: packed}
			_, choice := load(t, testenv.Tree(t, files))
			if !choice.sources[1].whole {
				t.Error("it was not read whole")
			}
			u, err := readUpgrades(t.Context(), testenv.Tree(t, files))
			if err != nil || u.pending[origin{":/", "amd64"}] != 1 {
				t.Errorf("%v %v", u.pending, err)
			}
			if form == "" { // apt keeps an empty list as an empty file
				files[name] = ""
				if u, err := readUpgrades(t.Context(), testenv.Tree(t, files)); err != nil || u.lists != 1 {
					t.Errorf("an empty list: %d lists, %v", u.lists, err)
				}
				return // where plain text is cut nobody can tell
			}
			for _, share := range []float64{0, 0.001, 0.3, 0.9, 0.9999} {
				files[name+form] = packed[:int(float64(len(packed))*share)]
				u, err := readUpgrades(t.Context(), testenv.Tree(t, files))
				if err == nil || !strings.Contains(err.Error(), name+form) || u.lists != 0 {
					t.Errorf("cut to %v: %d lists, %v", share, u.lists, err)
				}
			}
			noise := []byte(packed)
			for i := 10; i < len(noise); i += 97 {
				noise[i] ^= 0x55
			}
			files[name+form] = string(noise)
			if _, err := readUpgrades(t.Context(), testenv.Tree(t, files)); err == nil {
				t.Error("noise is read without an error")
			}
		})
	}
}

func FuzzUnpack(f *testing.F) {
	for _, form := range []string{"", ".gz", ".lz4"} {
		f.Add(form, []byte(pack(f, form, manyPackages(3))))
	}
	f.Fuzz(func(t *testing.T, form string, packed []byte) {
		r, err := unpack("x"+form, bytes.NewReader(packed))
		if err == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(r, 1<<20)) // it must not panic
		}
	})
}

func TestSource_namesTellSiteComponentAndArchitecture(t *testing.T) {
	releases := map[string]release{
		"deb.ville.example_debian_dists_bookworm":         {suite: "stable"},
		"deb.ville.example_debian_dists_bookworm-updates": {suite: "updates"},
		"security.example:8080_dists_bookworm_updates":    {suite: "old security"},
		"a.example_flat_._":                               {suite: "no"},
		"a.example_flat_.":                                {suite: "flat"},
		"_media_cdrom_dists_bookworm":                     {suite: "disc"},
	}
	for name, want := range map[string][]string{
		"deb.ville.example_debian_dists_bookworm_main_binary-amd64_Packages":             {"deb.ville.example", "stable", "main", "amd64"},
		"deb.ville.example_debian_dists_bookworm-updates_main_binary-amd64_Packages.lz4": {"deb.ville.example", "updates", "main", "amd64"},
		"deb.ville.example_debian_dists_bookworm_non-free-firmware_binary-i386_Packages": {"deb.ville.example", "stable", "non-free-firmware", "i386"},
		"security.example:8080_dists_bookworm_updates_a_b_binary-all_Packages.gz":        {"security.example", "old security", "a/b", "all"},
		"a.example_flat_._Packages":                              {"a.example", "flat", "", ""},
		"_media_cdrom_dists_bookworm_main_binary-amd64_Packages": {"", "disc", "main", "amd64"},
		"other.example_dists_x_main_binary-amd64_Packages":       {"other.example", "", "", ""},
	} {
		s := newSource("lists", name, releases)
		if diff := cmp.Diff(want, []string{s.site, s.release.suite, s.component, s.arch}); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, name := range []string{"lock", "a_dists_s_InRelease", "a_dists_s_main_i18n_Translation-en", "a_dists_s_main_source_Sources", "Packages", ""} {
		if s := newSource("lists", name, releases); s != nil {
			t.Errorf("%q is taken for a list", name)
		}
	}
}

func TestRelease_readsSignedAndPlainOnes(t *testing.T) {
	const fields = "Origin: Debian\nLabel: Debian-Security\nSuite: oldstable-security\nVersion: 12\nCodename: bookworm-security\n" +
		"Date: Thu, 26 Nov 2026 02:22:30 UTC\nValid-Until: Thu, 03 Dec 2026 02:22:30 UTC\nNotAutomatic: yes\nSHA256:\n 00 1 main/x\n"
	want := release{
		origin: "Debian", label: "Debian-Security", suite: "oldstable-security", version: "12", codename: "bookworm-security", notAutomatic: true,
		validUntil: time.Date(2026, 12, 3, 2, 22, 30, 0, time.UTC),
	}
	for name, text := range map[string]string{
		"plain":  fields,
		"signed": "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n" + fields + "-----BEGIN PGP SIGNATURE-----\n\nabc\n",
		"long":   fields + strings.Repeat(" 0000 1 main/x\n", 100_000),
	} {
		got, err := readRelease(strings.NewReader(text))
		if err != nil || !got.validUntil.Equal(want.validUntil) {
			t.Errorf("%s: %v %v", name, got.validUntil, err)
		}
		got.validUntil = want.validUntil
		if got != want {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got, err := readRelease(strings.NewReader("Valid-Until: soon\nSuite: x\n")); err != nil || !got.validUntil.IsZero() {
		t.Errorf("%v %v", got, err)
	}
}

func TestRelease_securityWhateverItsAge(t *testing.T) {
	for want, releases := range map[bool][]release{
		true: {
			{label: "Debian-Security", suite: "oldstable-security", codename: "bookworm-security"},
			{label: "Debian-Security", suite: "stable"},
			{origin: "Ubuntu", label: "Ubuntu", suite: "jammy-security", codename: "jammy"},
			{origin: "UbuntuESM", suite: "jammy-infra-security"},
		},
		false: {{label: "Debian", suite: "stable"}, {suite: "jammy-updates"}, {}, {suite: "security-tools"}},
	} {
		for _, r := range releases {
			if r.security() != want {
				t.Errorf("%+v: %v", r, !want)
			}
		}
	}
}

// BenchmarkUpgrades reads a list of 60,000 packages on a machine that has 2,000
// of them. What is allocated in all is more than the peak can be.
func BenchmarkUpgrades(b *testing.B) {
	text := manyPackages(60_000)
	installed := strings.Builder{}
	installed.WriteString(status + "\n")
	for i := range 2000 {
		fmt.Fprintf(&installed, "Package: package-%d\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-1\nDescription: x\n y\n\n", i*29)
	}
	for _, form := range []string{"", ".gz", ".lz4", ".xz"} {
		b.Run("plain"+form, func(b *testing.B) {
			root := testenv.Tree(b, map[string]string{
				"var/lib/dpkg/status": installed.String(), "var/lib/apt/lists/a_dists_s_main_binary-amd64_Packages" + form: pack(b, form, text),
			})
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if u, err := readUpgrades(b.Context(), root); err != nil || u.pending[origin{":/", "amd64"}] < 1900 {
					b.Fatalf("%v %v", u, err)
				}
			}
		})
	}
	b.Run("nothing changed", func(b *testing.B) {
		root := testenv.Tree(b, map[string]string{"var/lib/dpkg/status": installed.String(), "var/lib/apt/lists/a_dists_s_main_binary-amd64_Packages": text})
		c := &collector{root: root, proc: filepath.Join(root, "proc")}
		for b.Loop() {
			if _, err := c.upgrades(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkStale(b *testing.B) {
	files := map[string]string{}
	maps := strings.Repeat("7f8a2c200000-7f8a2c3b1000 r--p 00028000 fe:01 1234                       /usr/lib/x86_64-linux-gnu/libc.so.6\n", 300)
	for pid := range 500 {
		files[fmt.Sprintf("%d/maps", pid+1)] = maps
	}
	root := testenv.Tree(b, files)
	b.ReportAllocs()
	for b.Loop() {
		if found, err := readStale(context.Background(), root); err != nil || found.looked != 500 {
			b.Fatal(found, err)
		}
	}
}

func TestList_aListThatHasJustGoneIsNoError(t *testing.T) {
	s := &source{path: filepath.Join(t.TempDir(), "gone_Packages")}
	if err := s.read(t.Context(), 1, &inventory{}); err != nil || s.whole {
		t.Errorf("%v %v", err, s.whole)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := filepath.Join(t.TempDir(), "x_Packages")
	if err := os.WriteFile(path, []byte(manyPackages(1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := (&source{path: path}).read(ctx, 1, &inventory{}); err == nil {
		t.Error("it reads on although its time is up")
	}
}
