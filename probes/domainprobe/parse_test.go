package domainprobe

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func recorded(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("testdata/domain.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestParseRecord_good(t *testing.T) {
	r, err := parseRecord([]byte(recorded(t)), "asso.example")
	if err != nil {
		t.Fatal(err)
	}
	want := record{
		expiry: time.Date(2027, 3, 14, 8, 0, 0, 0, time.UTC), registrar: "Bureau d'enregistrement SAS",
		status: []string{"active", "client transfer prohibited"},
	}
	if !r.expiry.Equal(want.expiry) || r.registrar != want.registrar || cmp.Diff(r.status, want.status) != "" {
		t.Errorf("got %+v", r)
	}
	if wrong := r.wrong(want.expiry.Add(-time.Hour)); wrong != "" {
		t.Errorf("wrong: %q", wrong)
	}
	if wrong := r.wrong(want.expiry.Add(time.Hour)); wrong != "the registration ended on 2027-03-14" {
		t.Errorf("wrong after the end: %q", wrong)
	}
}

func TestParseRecord_refuses(t *testing.T) {
	for text, says := range map[string]string{
		``:                             "no RDAP",
		`<html>`:                       "no RDAP",
		`[]`:                           "no RDAP",
		`{}`:                           "about no domain",
		`{"objectClassName":"entity"}`: "about no domain",
		`{"objectClassName":"domain","ldhName":"other.example"}`: "about another domain, other.example",
	} {
		if _, err := parseRecord([]byte(text), "asso.example"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}

// What is optional, or strange, is no fault of the domain's.
func TestParseRecord_sparse(t *testing.T) {
	for _, text := range []string{
		`{"objectClassName":"domain"}`,
		`{"objectClassName":"domain","ldhName":"asso.example.","events":[{"eventAction":"expiration","eventDate":"soon"}]}`,
		`{"objectClassName":"domain","entities":[{"roles":["registrar"],"vcardArray":"none"}],"status":[]}`,
	} {
		r, err := parseRecord([]byte(text), "asso.example")
		if err != nil || !r.expiry.IsZero() || r.registrar != "" || r.wrong(time.Now()) != "" {
			t.Errorf("%s: %+v, %v", text, r, err)
		}
	}
}

func TestRegistries(t *testing.T) {
	list, err := parseRegistries([]byte(`{"description":"x","publication":"2026-11-01T00:00:00Z","version":"1.0","services":[
		[["example","EXEMPLE"],["http://a.example/","https://b.example/v1"]],
		[["asso.example"],["http://only.example/"]],
		[["none"],[]], [["broken"]], [["odd"],["ftp://x/"]]]}`))
	if err != nil {
		t.Fatal(err)
	}
	for domain, want := range map[string]string{
		"ville.example":     "https://b.example/v1",
		"ville.exemple":     "https://b.example/v1",
		"nous.asso.example": "http://only.example/",
		"notasso.example":   "https://b.example/v1",
		"x.none":            "", "x.broken": "", "x.odd": "", "x.zz": "",
	} {
		if got := list.server(domain); got != want {
			t.Errorf("%s: %q, want %q", domain, got, want)
		}
	}
	for text, says := range map[string]string{
		`{"version":"2.0","services":[]}`: "only 1.0 is known",
		`{"version":"1.0","services":[]}`: "names none",
		`nothing`:                         "is none",
	} {
		if _, err := parseRegistries([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestPause(t *testing.T) {
	now := time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "90": 90 * time.Second, "0": time.Second, "soon": usualPause, "99999999": longestPause,
		"Fri, 27 Nov 2026 08:10:00 GMT": 10 * time.Minute, "Fri, 27 Nov 2020 08:10:00 GMT": time.Second,
	} {
		if got := pause(header, now); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}

func FuzzRecord(f *testing.F) {
	f.Add(recorded(f))
	f.Add(`{"objectClassName":"domain","status":["client hold"],"entities":[{"roles":["registrar"],"vcardArray":["vcard",[["fn",{},"text",1]]]}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseRecord([]byte(text), "asso.example")
		if err != nil {
			return
		}
		if len(r.status) > maxStatus || !r.expiry.IsZero() && r.expiry.Year() <= 1970 {
			t.Errorf("%+v", r)
		}
		for _, s := range r.status {
			if k := known(s); k != "other" && k != s {
				t.Errorf("%q is told as %q", s, k)
			}
		}
	})
}

func FuzzRegistries(f *testing.F) {
	f.Add(`{"version":"1.0","services":[[["example"],["https://rdap.nic.example/"]]]}`)
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parseRegistries([]byte(text))
		if err != nil {
			return
		}
		if server := list.server("asso.example"); server != "" {
			if _, ok := webAddress(server); !ok {
				t.Errorf("%q is taken for a server", server)
			}
		}
	})
}
