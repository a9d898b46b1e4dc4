package forge

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/secret"
	"tocsin/updatewatch/forge/forgetest"
)

var day = time.Date(2026, 8, 13, 10, 0, 0, 0, time.UTC)

func source(s *forgetest.Server, kind Kind, api bool) Source {
	base := map[Kind]string{GitHub: "/api/v3", GitLab: "/api/v4", Gitea: "/api/v1"}[kind]
	return Source{Kind: kind, URL: s.URL + "/ville/portail", API: api, APIBase: s.URL + base}
}

// ask asks without the pause between requests, which would only cost time.
func ask(t *testing.T, c *Client, q Question) (Answer, error) {
	t.Helper()
	for _, h := range c.hosts {
		h.next = time.Time{}
	}
	return c.Ask(t.Context(), q)
}

func reason(err error) Reason {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	return ""
}

func TestAsk_everyForgeByFeedAndByAPI(t *testing.T) {
	s := forgetest.New(t)
	s.Publish("ville/portail",
		forgetest.Release{Tag: "v2.5.3", Name: "Spring", Body: "Fixes CVE-2026-12345 and CVE-2026-12345, GHSA-2222-3333-4444.", At: day},
		forgetest.Release{Tag: "v2.6.0-rc1", Name: "Summer", Body: "Try it", At: day.Add(time.Hour), Pre: true},
		forgetest.Release{Tag: "v9", Name: "Secret", Draft: true},
	)
	for _, kind := range []Kind{GitHub, GitLab, Gitea} {
		for _, api := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, API %t", kind, api), func(t *testing.T) {
				a, err := ask(t, New(Options{}), Question{Source: source(s, kind, api)})
				if err != nil {
					t.Fatal(err)
				}
				want := []Release{
					{Tag: "v2.6.0-rc1", Title: "Summer", URL: s.URL + "/ville/portail/releases/tag/v2.6.0-rc1", Published: day.Add(time.Hour), Prerelease: api && kind != GitLab},
					{Tag: "v2.5.3", Title: "Spring", URL: s.URL + "/ville/portail/releases/tag/v2.5.3", Published: day, Security: true, Advisories: []string{"CVE-2026-12345", "GHSA-2222-3333-4444"}},
				}
				if diff := cmp.Diff(want, a.Releases); diff != "" {
					t.Errorf("- want, + got:\n%s", diff)
				}
			})
		}
	}
}

func TestAsk_aPlainFeedHasTitles(t *testing.T) {
	s := forgetest.New(t)
	s.Publish("ville/portail", forgetest.Release{Tag: "x", Name: "Portail 2.5.3 is out", At: day})
	a, err := ask(t, New(Options{}), Question{Source: Source{Kind: Feed, URL: s.URL + "/ville/portail/feed.rss"}})
	if err != nil || len(a.Releases) != 1 || a.Releases[0].Tag != "Portail 2.5.3 is out" {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestAsk_whatHasNotChangedIsNotReadAgain(t *testing.T) {
	s := forgetest.New(t)
	s.Publish("ville/portail", forgetest.Release{Tag: "v1", At: day})
	c := New(Options{})
	for _, api := range []bool{false, true} {
		q := Question{Source: source(s, GitHub, api)}
		first, err := ask(t, c, q)
		if err != nil || first.Validators.ETag == "" {
			t.Fatalf("%+v, %v", first, err)
		}
		q.Validators = first.Validators
		second, err := ask(t, c, q)
		if err != nil || !second.NotModified || second.Validators != first.Validators || len(second.Releases) != 0 {
			t.Errorf("%+v, %v", second, err)
		}
		s.Publish("ville/portail", forgetest.Release{Tag: fmt.Sprint("v2-", api), At: day})
		if third, err := ask(t, c, q); err != nil || third.NotModified || third.Validators == first.Validators {
			t.Errorf("%+v, %v", third, err)
		}
	}
}

func TestAsk_pagesAreFollowedAndBounded(t *testing.T) {
	s := forgetest.New(t)
	for i := range 120 {
		s.Publish("ville/portail", forgetest.Release{Tag: fmt.Sprintf("v1.%d", i), At: day})
	}
	c := New(Options{})
	first := Question{Source: source(s, GitHub, true), Pages: 1}
	a, err := ask(t, c, first)
	if err != nil || len(a.Releases) != 50 || !a.Partial {
		t.Errorf("%d releases, partial %t, %v", len(a.Releases), a.Partial, err)
	}
	if testing.Short() {
		return
	}
	a, err = ask(t, c, Question{Source: source(s, GitHub, true), Pages: 5})
	if err != nil || len(a.Releases) != 120 || a.Partial || a.Releases[119].Tag != "v1.0" {
		t.Errorf("%d releases, partial %t, %v", len(a.Releases), a.Partial, err)
	}
}

func TestAsk_tokenGoesToTheForgeInItsOwnWay(t *testing.T) {
	s := forgetest.New(t)
	s.SetToken("marker-hunter2")
	s.Publish("ville/portail", forgetest.Release{Tag: "v1", At: day})
	file := filepath.Join(t.TempDir(), "token")
	for _, kind := range []Kind{GitHub, GitLab, Gitea} {
		src := source(s, kind, true)
		src.Token = secret.Source{Value: secret.New("marker-hunter2")}
		if _, err := ask(t, New(Options{}), Question{Source: src}); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		src.Token = secret.Source{Value: secret.New("marker-wrong")}
		_, err := ask(t, New(Options{}), Question{Source: src})
		if reason(err) != Unauthorized || strings.Contains(fmt.Sprint(err), "marker") {
			t.Errorf("%s: %v", kind, err)
		}
		src.Token = secret.Source{File: file}
		if _, err := ask(t, New(Options{}), Question{Source: src}); reason(err) != TokenMissing {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestAsk_aRenamedRepositoryIsFollowedAndTold(t *testing.T) {
	s := forgetest.New(t)
	s.Publish("ville/portail", forgetest.Release{Tag: "v1", At: day})
	s.Rename("ville/portail", "ville/guichet")
	a, err := ask(t, New(Options{}), Question{Source: source(s, GitHub, false)})
	if err != nil || len(a.Releases) != 1 || a.MovedTo != s.URL+"/ville/guichet/releases.atom" {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestAsk_noOtherHostIsAsked(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was asked") }))
	defer other.Close()
	s := forgetest.New(t)
	s.Fail(forgetest.Fault{Status: http.StatusFound, Header: map[string]string{"Location": other.URL}})
	_, err := ask(t, New(Options{}), Question{Source: source(s, GitHub, false)})
	if reason(err) != Redirect || !strings.Contains(err.Error(), "which the site file does not name") {
		t.Errorf("%v", err)
	}
}

// wire answers in place of hosts.
type wire func(r *http.Request) (status int, header http.Header)

// RoundTrip implements http.RoundTripper.
func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	status, header := w(r)
	body := `<feed xmlns="http://www.w3.org/2005/Atom"></feed>`
	if strings.HasPrefix(r.URL.Path, "/api/") {
		body = "[]"
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func TestAsk_neverGoesOnInTheClear(t *testing.T) {
	c := New(Options{Transport: wire(func(r *http.Request) (int, http.Header) {
		if r.URL.Scheme != "https" {
			t.Errorf("%s was asked", r.URL)
		}
		return http.StatusFound, http.Header{"Location": {"http://git.example/feed"}}
	})})
	if _, err := ask(t, c, Question{Source: Source{Kind: Feed, URL: "https://git.example/feed"}}); reason(err) != Redirect {
		t.Errorf("%v", err)
	}
}

// The next page is where the token goes too: on the host that was asked, or
// nowhere.
func TestAsk_theNextPageIsOnTheSameHost(t *testing.T) {
	for _, next := range []string{"https://evil.example/api/v1/x", "http://git.example/api/v1/x", "//evil.example/api/v1/x"} {
		c := New(Options{Transport: wire(func(r *http.Request) (int, http.Header) {
			if r.URL.Host != "git.example" || r.URL.Scheme != "https" {
				t.Errorf("%s was asked", r.URL)
			}
			return http.StatusOK, http.Header{"Link": {"<" + next + `>; rel="next"`}}
		})})
		q := Question{Source: Source{Kind: Gitea, URL: "https://git.example/a/b", API: true, APIBase: "https://git.example/api/v1"}, Pages: 5}
		if _, err := ask(t, c, q); err != nil {
			t.Errorf("%s: %v", next, err)
		}
	}
}

func TestAsk_validatorsThatAreKept(t *testing.T) {
	for name, c := range map[string]struct {
		header http.Header
		want   Validators
	}{
		"both, as they came":                        {http.Header{"Etag": {`W/"a b"`}, "Last-Modified": {"yesterday"}}, Validators{`W/"a b"`, "yesterday"}},
		"of a host that does not mean what it says": {http.Header{"Etag": {`"a"`}, "Expires": {"0"}}, Validators{}},
		"longer than any host of good will sends":   {http.Header{"Etag": {strings.Repeat("x", 257)}}, Validators{}},
	} {
		client := New(Options{Transport: wire(func(*http.Request) (int, http.Header) { return http.StatusOK, c.header })})
		if a, err := ask(t, client, Question{Source: Source{Kind: Feed, URL: "https://git.example/feed"}}); err != nil || a.Validators != c.want {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
}

func TestAsk_refusalsHaveTheirReasons(t *testing.T) {
	for _, c := range []struct {
		fault forgetest.Fault
		want  Reason
	}{
		{forgetest.Fault{Status: 404}, NotFound},
		{forgetest.Fault{Status: 410}, Gone},
		{forgetest.Fault{Status: 401}, Unauthorized},
		{forgetest.Fault{Status: 403}, Unauthorized},
		{forgetest.Fault{Status: 403, Header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4102444800"}}, RateLimited},
		{forgetest.Fault{Status: 429}, RateLimited},
		{forgetest.Fault{Status: 502}, ServerError},
		{forgetest.Fault{Status: 418}, Status},
		{forgetest.Fault{Status: 200, Body: "<!doctype html><p>Log in"}, Hostile},
		{forgetest.Fault{Status: 200, Body: "<html><p>Log in"}, Unreadable},
		{forgetest.Fault{Status: 200, Header: map[string]string{"Content-Length": "5000"}, Body: "<feed>"}, Unreadable},
	} {
		s := forgetest.New(t)
		s.Fail(c.fault)
		_, err := ask(t, New(Options{}), Question{Source: source(s, GitHub, false)})
		if reason(err) != c.want {
			t.Errorf("%+v: %s (%v), want %s", c.fault, reason(err), err, c.want)
		}
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	if _, err := ask(t, New(Options{}), Question{Source: Source{Kind: Feed, URL: closed.URL}}); reason(err) != Unreachable {
		t.Errorf("%v", err)
	}
	secure := httptest.NewTLSServer(nil)
	defer secure.Close()
	if _, err := ask(t, New(Options{}), Question{Source: Source{Kind: Feed, URL: secure.URL}}); reason(err) != TLS {
		t.Errorf("%v", err)
	}
}

func TestAsk_anAPIThatLiesIsRefused(t *testing.T) {
	for body, want := range map[string]Reason{
		`{"message":"hello"}`: Unreadable, `[{"tag_name":"v1"}`: Unreadable, `[1]`: Unreadable, ``: Unreadable,
		`[{"body":"` + strings.Repeat("x", maxPage) + `"}]`: TooLarge,
		strings.Repeat("[", 100_000):                        Unreadable,
	} {
		s := forgetest.New(t)
		s.Fail(forgetest.Fault{Status: 200, Body: body})
		_, err := ask(t, New(Options{}), Question{Source: source(s, GitHub, true)})
		if reason(err) != want {
			t.Errorf("%.30s: %v, want %s", body, err, want)
		}
	}
}

// A host that says when is not asked before, by nobody; nor is one whose quota
// is used up.
func TestAsk_aHostThatRefusesIsLeftAlone(t *testing.T) {
	soon := time.Now().Add(time.Hour).Truncate(time.Second)
	for name, c := range map[string]struct {
		fault forgetest.Fault
		want  time.Time
	}{
		"Retry-After in seconds": {forgetest.Fault{Status: 429, Header: map[string]string{"Retry-After": "3600"}}, soon},
		"Retry-After as a date":  {forgetest.Fault{Status: 503, Header: map[string]string{"Retry-After": soon.UTC().Format(http.TimeFormat)}}, soon},
		"the rate limit's reset": {forgetest.Fault{Status: 403, Header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": fmt.Sprint(soon.Unix())}}, soon},
		"GitLab's":               {forgetest.Fault{Status: 429, Header: map[string]string{"RateLimit-Remaining": "0", "RateLimit-Reset": fmt.Sprint(soon.Unix())}}, soon},
		"nothing":                {forgetest.Fault{Status: 429}, time.Now().Add(firstPause)},
		"a thousand years":       {forgetest.Fault{Status: 429, Header: map[string]string{"Retry-After": "2000000000"}}, time.Now().Add(farthest)},
	} {
		t.Run(name, func(t *testing.T) {
			s := forgetest.New(t)
			s.Publish("ville/portail", forgetest.Release{Tag: "v1", At: day})
			s.Fail(c.fault)
			client := New(Options{})
			q := Question{Source: source(s, GitHub, false)}
			for range 3 {
				_, err := ask(t, client, q)
				var e *Error
				if !errors.As(err, &e) || e.RetryAt.Sub(c.want).Abs() > 5*time.Second {
					t.Errorf("%v, again at %v, want %v", err, e.RetryAt, c.want)
				}
			}
			if n := len(s.Requests()); n != 1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

func TestAsk_usesUpNoQuota(t *testing.T) {
	s := forgetest.New(t)
	s.Publish("ville/portail", forgetest.Release{Tag: "v1", At: day})
	s.SetQuota(2, time.Now().Add(time.Hour))
	client := New(Options{})
	q := Question{Source: source(s, GitHub, true)}
	for i, want := range []Reason{"", "", RateLimited, RateLimited} {
		if _, err := ask(t, client, q); reason(err) != want {
			t.Errorf("question %d: %v", i, err)
		}
	}
	if n := len(s.Requests()); n != 2 {
		t.Errorf("asked %d times: the last answer said that nothing is left", n)
	}
	if h := client.Hosts(); len(h) != 1 || h[0].Remaining != 0 || h[0].Responses["200"] != 2 || !h[0].Until.After(time.Now()) {
		t.Errorf("%+v", h)
	}
}

// One request at a time, a second between; hosts do not wait for each other.
func TestAsk_pausesBetweenRequestsToOneHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		client := New(Options{Transport: transport(func(*http.Request) string { return `<rss><channel><item><title>v1</title></item></channel></rss>` })})
		done := make(chan time.Duration, 8)
		for _, host := range []string{"a", "a", "a", "b"} {
			go func() {
				if _, err := client.Ask(t.Context(), Question{Source: Source{Kind: Feed, URL: "https://" + host + ".example/"}}); err != nil {
					t.Error(err)
				}
				done <- time.Since(began)
			}()
		}
		var last time.Duration
		for i := range 4 {
			last = <-done
			if i < 2 && last != 0 {
				t.Errorf("the %d. answer came after %s", i+1, last)
			}
		}
		if last != 2*gap {
			t.Errorf("three requests to one host took %s, want %s", last, 2*gap)
		}
	})
}

type transport func(*http.Request) string

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	_, _ = w.WriteString(f(r))
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// The text is Debian's own.
func TestAsk_packagesIndex(t *testing.T) {
	index, err := os.ReadFile("testdata/Packages")
	if err != nil {
		t.Fatal(err)
	}
	s := forgetest.New(t)
	s.SetIndex(string(index))
	q := Question{Source: Source{Kind: Apt, URL: s.URL + "/debian/dists/stable/main/binary-amd64/Packages", Package: "redis-server"}}
	a, err := ask(t, New(Options{}), q)
	if err != nil || len(a.Releases) != 1 || a.Releases[0].Tag != "5:7.0.15-1~deb12u10" || a.Validators.ETag == "" {
		t.Errorf("%+v, %v", a, err)
	}
	var compressed bytes.Buffer
	z := gzip.NewWriter(&compressed)
	_, _ = z.Write(index)
	_ = z.Close()
	if got, err := Packages(t.Context(), &compressed, "postgresql-15"); err != nil || len(got) != 1 || got[0] != "15.20-0+deb12u1" {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "<html>no", strings.Repeat("x\n", 500), "\xfd7zXZ\x00"} {
		if _, err := Packages(t.Context(), strings.NewReader(bad), "x"); err == nil {
			t.Errorf("%.20q is taken for an index", bad)
		}
	}
}
