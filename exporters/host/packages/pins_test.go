package packages

import (
	"strings"
	"testing"
)

func TestPins_whatAptRefusesIsAnError(t *testing.T) {
	for text, want := range map[string]string{
		"Package: a\nPin: version 1\nPin-Priority: 0\n":          "no priority",
		"Package: a\nPin: version 1\n":                           "no priority",
		"Package: a\nPin: version 1\nPin-Priority: high\n":       "no priority",
		"Package: a\nPin: version 1\nPin-Priority: 40000\n":      "no priority",
		"Package: a\nPin: version 1\nPin-Priority: never\n":      "no priority",
		"Pin: version 1\nPin-Priority: 5\n":                      "no name",
		"Package: /(/\nPin: version 1\nPin-Priority: 5\n":        "not one that Tocsin reads",
		"Package: a\nPin: version /(/\nPin-Priority: 5\n":        "not one that Tocsin reads",
		"Package: a\nPin: release o=/[/\nPin-Priority: 5\n":      "not one that Tocsin reads",
		"Package: a\nPin: release x=foo\nPin-Priority: 5\n":      "names no release",
		"Package: a\nPin: release a=x\nPin-Priority: 5\nnoise\n": "malformed",
	} {
		if _, err := parsePins(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	for _, text := range []string{
		"", "# only a comment\n", "Explanation: x\n", "Package: a\nPin: luck 7\nPin-Priority: 5\n", "Package: *\nPin: version 1\nPin-Priority: 5\n",
	} {
		if pins, err := parsePins(strings.NewReader(text)); err != nil || len(pins) > 0 {
			t.Errorf("%q: %d pins, %v", text, len(pins), err)
		}
	}
}

func TestGlob_isThatOfFnmatch(t *testing.T) {
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"linux-*", "linux-image-amd64", true},
		{"linux-*", "xlinux-", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"[ab]c", "bc", true},
		{"[!ab]c", "bc", false},
		{"[!ab]c", "dc", true},
		{"[]a]", "]", true},
		{"[a", "[a", true},
		{"a[", "a[", true},
		{"*", "a/b\nc", true},
		{`a\*`, "a*", true},
		{`a\*`, "ab", false},
		{"A*", "abc", true},
		{"a.c*", "abc", false},
		{"[a-c]x", "bx", true},
		{`x\`, `x\`, true},
	} {
		m, err := expression(test.pattern)
		if err != nil {
			t.Errorf("%q: %v", test.pattern, err)
			continue
		}
		if m(test.text) != test.want {
			t.Errorf("%q fits %q: %v", test.pattern, test.text, !test.want)
		}
	}
}

func FuzzPins(f *testing.F) {
	f.Add("Package: a* src:b /c/ d:any\nPin: release o=x,a=/y/\nPin-Priority: 5\n\nPackage: *\nPin: origin \"z\"\nPin-Priority: -1\n", "a")
	f.Fuzz(func(t *testing.T, text, word string) {
		pins, _ := parsePins(strings.NewReader(text))
		s := &source{site: word, component: word, release: release{suite: word, origin: word, version: word}}
		for _, p := range pins {
			if !p.general {
				p.about(word, word, "amd64", "amd64")
			}
			p.of.fits(s)
			if p.of.version != nil {
				p.of.version(word)
			}
		}
	})
}
