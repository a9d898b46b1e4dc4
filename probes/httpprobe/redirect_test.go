package httpprobe

import (
	"net/url"
	"strings"
	"testing"
)

func parse(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestResolveLocation(t *testing.T) {
	at := parse(t, "https://a.example/x/y?z=1")
	for _, c := range []struct{ location, want, wrong string }{
		{"/login", "https://a.example/login", ""},
		{"login?next=%2F", "https://a.example/x/login?next=%2F", ""},
		{"//b.example", "https://b.example/", ""},
		{"http://b.example:8080/a#part", "http://b.example:8080/a", ""},
		{"https://moni:pw@b.example/", "https://b.example/", ""},
		{"HTTPS://b.example/", "https://b.example/", ""},
		{"ftp://b.example/", "", "leads to a ftp: address"},
		{"javascript:alert(1)", "", "leads to a javascript: address"},
		{"https:///nowhere", "", "names no host"},
		{"https://exa mple/", "", "cannot be read"},
		{"https://élus.example/", "", "not plain ASCII"},
		{"https://" + strings.Repeat("a", 300) + "/", "", "longer than 253"},
		{"/" + strings.Repeat("a", maxLocation), "", "longer than"},
	} {
		got, err := resolveLocation(at, c.location)
		switch {
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%.40s: got %v, want %q", c.location, err, c.wrong)
		case c.wrong == "" && (err != nil || got.String() != c.want):
			t.Errorf("%.40s: got %v, %v, want %s", c.location, got, err, c.want)
		}
	}
}

func FuzzResolveLocation(f *testing.F) {
	for _, seed := range []string{"/login", "//b.example", "https://u:p@b.example/?a#b", "javascript:1", "http://[::1%25eth0]:80/", "https://%zz", "..//../.", "?a"} {
		f.Add(seed)
	}
	at := parse(f, "https://a.example/x/y?z=1")
	f.Fuzz(func(t *testing.T, location string) {
		u, err := resolveLocation(at, location)
		if err != nil {
			return
		}
		if (u.Scheme != "http" && u.Scheme != "https") || u.User != nil || u.Hostname() == "" || checkHost(u.Hostname()) != nil {
			t.Errorf("%q leads to %q", location, u)
		}
		if !mayHave(at, u) && strings.EqualFold(u.Host, "a.example") && u.Scheme == "https" {
			t.Errorf("%q is home", location)
		}
	})
}

// TestMayHave is the table of who may be sent what is meant for the target.
func TestMayHave(t *testing.T) {
	for _, c := range []struct {
		target, at string
		want       bool
	}{
		{"https://a.example/", "https://a.example/login", true},
		{"https://a.example/", "https://A.EXAMPLE:443/", true},
		{"http://a.example/", "https://a.example/", true},
		{"https://a.example/", "http://a.example/", false},
		{"https://a.example/", "https://a.example:8443/", false},
		{"https://a.example/", "https://www.a.example/", false},
		{"https://a.example/", "https://a.example.thief.example/", false},
		{"http://a.example:8080/", "https://a.example/", false},
		{"http://a.example/", "https://a.example:8443/", false},
	} {
		if got := mayHave(parse(t, c.target), parse(t, c.at)); got != c.want {
			t.Errorf("what is for %s, to %s: %t", c.target, c.at, got)
		}
	}
}

func TestNew_refuses(t *testing.T) {
	for _, u := range []*url.URL{nil, {Scheme: "https"}, {Scheme: "ftp", Host: "a.example"}} {
		if _, err := New(Options{URL: u}); err == nil {
			t.Errorf("%v was taken", u)
		}
	}
}
