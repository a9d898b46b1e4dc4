package version

import (
	"slices"
	"testing"
)

func parse(t testing.TB, s Scheme, text string) Version {
	t.Helper()
	v, err := s.Parse(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}

func TestParse_refusesWhatIsNoVersion(t *testing.T) {
	for _, text := range []string{
		"", "nightly", "v", "release", "deadbeef", "7a9c1f2", "1.2.3/../x", "1.2\x00", "1.0é",
		"1.2.3-" + string(make([]byte, 70)), "1<script>",
	} {
		if v, err := Loose.Parse(text); err == nil {
			t.Errorf("%q is taken for the version %s", text, v)
		}
	}
}

func TestPrerelease(t *testing.T) {
	for text, want := range map[string]bool{
		"v11.10.0-rc3": true, "v33.0.8rc2": true, "35.0.0beta4": true, "v3.7.0-ea.1": true, "8.0-m04": true,
		"1.4.0-development-snapshot-006": true, "1.2.0-nightly": true, "6.0.5dr1": true, "18.BETA1": true,
		"1.1.1w": false, "9.9p2": false, "3.5.2.post1": false, "v12.1.10+security-01": false, "2.4.1-4": false,
		"5.9.1a": false, "22.8-cert3": false,
	} {
		if got := parse(t, Loose, text).Prerelease(); got != want {
			t.Errorf("%s: pre-release %t, want %t", text, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{
		{"v11.9.1", 2, "11.9"},
		{"v11.9.1", 1, "11"},
		{"15.13", 1, "15"},
		{"18.RC1", 2, "18"},
		{"1:2.3-1", 2, "2.3"},
		{"2026.7.1", 3, "2026.7.1"},
		{"7", 2, "7"},
		{"v3.6.24", 0, ""},
	} {
		if got := parse(t, Loose, c.text).Line(c.n); got != c.want {
			t.Errorf("line of %s by %d numbers: %q, want %q", c.text, c.n, got, c.want)
		}
	}
}

func TestCoarser(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"8.7", "8.7.1", true},
		{"8.7", "8.8.0", false},
		{"8.7.0", "8.7.1", false},
		{"8.7.1", "8.7", false},
		{"8.7-rc1", "8.7.1", false},
		{"3.5.2", "3.5.2.post1", false},
	} {
		if got := parse(t, Loose, c.a).Coarser(parse(t, Loose, c.b)); got != c.want {
			t.Errorf("%s says less than %s: %t, want %t", c.a, c.b, got, c.want)
		}
	}
}

func TestPattern_extract(t *testing.T) {
	for _, c := range []struct {
		pattern, tag, want string
	}{
		{`OPENLDAP_REL_ENG_(\d+)_(\d+)_(\d+)`, "OPENLDAP_REL_ENG_2_6_10", "2.6.10"},
		{`OPENLDAP_REL_ENG_(\d+)_(\d+)_(\d+)`, "LMDB_1.0.1", ""},
		{`^v?(\d+\.\d+\.\d+)$`, "v2.5.3", "2.5.3"},
		{`v(\d+\.\d+\.\d+)`, "v2.5.3-rc1", ""},
		{`v\d+`, "v7", "v7"},
		{"", "v2.5.3", "v2.5.3"},
		{"", "2.5.3-rc.1", "2.5.3-rc.1"},
		{"", "LMDB_1.0.1", ""},
		{"", "server/public/v0.1.2", ""},
		{"", "latest", ""},
	} {
		p, err := NewPattern(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := p.Extract(c.tag)
		if c.pattern == "" && got != "" {
			got = c.tag // the default keeps a v or drops it: both read the same
		}
		if got != c.want {
			t.Errorf("%q in %q: %q, want %q", c.pattern, c.tag, got, c.want)
		}
	}
	if _, err := NewPattern("("); err == nil {
		t.Error("a broken pattern is taken")
	}
}

func TestPattern_deployed(t *testing.T) {
	for _, c := range []struct{ pattern, text, want string }{
		{`REL_?(\d+)_(\d+)`, "15.13 (Debian 15.13-0+deb12u1)", "15.13"},
		{`v(\d+\.\d+\.\d+\.\d+)`, "0.9.1.0-p1a2b3c4d", "0.9.1.0"},
		{`mariadb-(\d+\.\d+\.\d+)`, "10.11.14-MariaDB-0+deb12u2", "10.11.14"},
		{``, "pve-manager/9.0.3/025864202ebb6109", "9.0.3"},
		{`v(\d+\.\d+\.\d+(?:\+security-\d+)?)`, "v12.1.10+security-01", "12.1.10+security-01"},
		{`v(\d+\.\d+\.\d+)`, "v2.5.3-develop", "2.5.3"},
		{`v(\d+\.\d+\.\d+)`, "8.7", "8.7"},
		{``, "unknown", ""},
	} {
		p, err := NewPattern(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := p.Deployed(c.text); got != c.want {
			t.Errorf("%q says %q, want %q", c.text, got, c.want)
		}
	}
}

func TestUpstream(t *testing.T) {
	for debian, want := range map[string]string{
		"1:2.5.3+dfsg-1": "2.5.3", "8.0.43-0ubuntu0.22.04.1": "8.0.43", "2.4.1": "2.4.1", "0.25.0+ds-2": "0.25.0",
	} {
		if got := Upstream(debian); got != want {
			t.Errorf("%s: %s, want %s", debian, got, want)
		}
	}
}

// Sorting needs an order: antisymmetric, and any two ways to it agree.
func FuzzCompare(f *testing.F) {
	f.Add("1.0-rc1", "1.0", "1.0a")
	f.Add("v3.7.0-ea.1", "1:2~~", "007")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		var all []Version
		for _, text := range []string{a, b, c} {
			v, err := Loose.Parse(text)
			if err != nil {
				return
			}
			all = append(all, v)
		}
		for _, v := range all {
			if v.Compare(v) != 0 {
				t.Errorf("%q is not equal to itself", v)
			}
			for _, w := range all {
				if v.Compare(w) != -w.Compare(v) {
					t.Errorf("%q and %q are not in order", v, w)
				}
			}
		}
		slices.SortFunc(all, Version.Compare)
		if all[0].Compare(all[2]) > 0 {
			t.Errorf("%q", all)
		}
	})
}
