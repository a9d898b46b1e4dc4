// Package forgetest is a strict forge for tests: it speaks as GitHub, GitLab
// and Gitea do, by feed and by API, and as a Debian repository. It copies what
// they document: validators and 304, pages and their Link header, the rate
// limit with its headers, 404 for what is private or missing, 401 for a wrong
// token, 301 after a rename, 403 for a client without a name.
package forgetest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Release is one that the forge lists.
type Release struct {
	Tag        string
	Name       string
	Body       string
	At         time.Time
	Draft, Pre bool
}

// A Server is the forge. Its methods may be called while it serves.
type Server struct {
	// URL is where the forge is.
	URL string

	mu       sync.Mutex // guards what follows
	repos    map[string][]Release
	moved    map[string]string // old name to new
	index    string            // the Packages file
	token    string
	quota    int // that are left without a token; negative: no limit
	reset    time.Time
	faults   []Fault
	requests []Request
}

// A Fault answers the next request in place of the forge.
type Fault struct {
	Status int
	Header map[string]string
	Body   string
}

// A Request is one that the forge got.
type Request struct {
	Path          string
	Authorization string
	Status        int
}

// New starts a forge without repositories.
func New(t testing.TB) *Server {
	s := Offline("")
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Offline makes a forge that is reached by its Transport alone, under this
// address: for tests with a clock of their own.
func Offline(address string) *Server {
	return &Server{URL: address, repos: map[string][]Release{}, moved: map[string]string{}, quota: -1}
}

// RoundTrip implements http.RoundTripper.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// Publish adds releases to a repository, the newest last.
func (s *Server) Publish(repo string, releases ...Release) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range releases {
		s.repos[repo] = slices.Insert(s.repos[repo], 0, r)
	}
}

// Rename moves a repository; its old name redirects.
func (s *Server) Rename(from, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repos[to], s.moved[from] = s.repos[from], to
	delete(s.repos, from)
}

// SetToken makes the forge know a token, and refuse others.
func (s *Server) SetToken(token string) { s.mu.Lock(); s.token = token; s.mu.Unlock() }

// SetQuota sets how many requests are left without a token, and until when.
func (s *Server) SetQuota(left int, reset time.Time) {
	s.mu.Lock()
	s.quota, s.reset = left, reset
	s.mu.Unlock()
}

// SetIndex sets the Packages file.
func (s *Server) SetIndex(text string) { s.mu.Lock(); s.index = text; s.mu.Unlock() }

// Fail answers the next requests with faults.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	s.faults = append(s.faults, faults...)
	s.mu.Unlock()
}

// Requests returns what was asked so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	who := r.Header.Get("Authorization") + r.Header.Get("Private-Token")
	status := s.answer(w, r, who)
	s.requests = append(s.requests, Request{Path: r.URL.RequestURI(), Authorization: who, Status: status})
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, who string) int {
	refuse := func(status int, message string) int {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
		return status
	}
	if len(s.faults) > 0 {
		f := s.faults[0]
		s.faults = s.faults[1:]
		for k, v := range f.Header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte(f.Body))
		return f.Status
	}
	if r.UserAgent() == "" || strings.HasPrefix(r.UserAgent(), "Go-http-client") {
		return refuse(http.StatusForbidden, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header")
	}
	if r.Method != http.MethodGet {
		return refuse(http.StatusMethodNotAllowed, "Method Not Allowed")
	}
	if who != "" && (s.token == "" || strings.TrimPrefix(strings.TrimPrefix(who, "Bearer "), "token ") != s.token) {
		return refuse(http.StatusUnauthorized, "Bad credentials")
	}
	limited := s.quota >= 0 && who == ""
	if limited && s.quota == 0 {
		w.Header().Set("X-RateLimit-Remaining", "0")
		w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(s.reset.Unix(), 10))
		return refuse(http.StatusForbidden, "API rate limit exceeded")
	}
	body, contentType, status := s.page(w, r)
	switch {
	case status == http.StatusMovedPermanently:
		http.Redirect(w, r, body, status)
		return status
	case status != http.StatusOK:
		return refuse(status, "Not Found")
	}
	etag := fmt.Sprintf("W/%q", fmt.Sprintf("%x", sha256.Sum256([]byte(body)))[:32])
	w.Header().Set("ETag", etag)
	w.Header().Set("Content-Type", contentType)
	unchanged := r.Header.Get("If-None-Match") == etag // verbatim, the W/ included
	if limited {
		s.quota--
		w.Header().Set("X-RateLimit-Remaining", strconv.Itoa(s.quota))
		w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(s.reset.Unix(), 10))
	}
	if unchanged {
		w.WriteHeader(http.StatusNotModified)
		return http.StatusNotModified
	}
	_, _ = w.Write([]byte(body))
	return http.StatusOK
}

// window is how many entries a feed has, as GitHub's.
const window = 10

// page finds the document that a path names.
func (s *Server) page(w http.ResponseWriter, r *http.Request) (body, contentType string, status int) {
	if r.URL.Path == "/debian/dists/stable/main/binary-amd64/Packages" && s.index != "" {
		return s.index, "application/octet-stream", http.StatusOK
	}
	path, err := url.PathUnescape(r.URL.EscapedPath())
	if err != nil {
		return "", "", http.StatusBadRequest
	}
	form := ""
	repo := ""
	for _, f := range []struct{ prefix, suffix, form string }{
		{"/api/v3/repos/", "/releases", "github"},
		{"/api/v3/repos/", "/tags", "tags"},
		{"/api/v4/projects/", "/releases", "gitlab"},
		{"/api/v1/repos/", "/releases", "gitea"},
		{"/", "/-/releases.atom", "atom"},
		{"/", "/releases.atom", "atom"},
		{"/", "/tags.atom", "atom"},
		{"/", "/feed.rss", "rss"},
	} {
		middle, ok := strings.CutPrefix(path, f.prefix)
		if middle, ok2 := strings.CutSuffix(middle, f.suffix); ok && ok2 {
			form, repo = f.form, middle
			break
		}
	}
	if to, ok := s.moved[repo]; ok {
		return strings.Replace(path, repo, to, 1), "", http.StatusMovedPermanently
	}
	all, ok := s.repos[repo]
	if form == "" || !ok {
		return "", "", http.StatusNotFound
	}
	switch form {
	case "atom":
		return s.atom(repo, all[:min(window, len(all))]), "application/atom+xml; charset=utf-8", http.StatusOK
	case "rss":
		return rss(all[:min(window, len(all))]), "application/rss+xml", http.StatusOK
	}
	return s.list(w, r, form, repo, all), "application/json; charset=utf-8", http.StatusOK
}

func (s *Server) atom(repo string, all []Release) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n<id>tag:%s</id><title>Release notes from %s</title>\n", repo, repo)
	for _, r := range all {
		if r.Draft {
			continue
		}
		fmt.Fprintf(&b, "<entry><id>tag:github.com,2008:Repository/1/%s</id><updated>%s</updated><link rel=\"alternate\" type=\"text/html\" href=\"%s/%s/releases/tag/%s\"/><title>%s</title><content type=\"html\">%s</content></entry>\n",
			html.EscapeString(r.Tag), r.At.UTC().Format(time.RFC3339), s.URL, repo, url.PathEscape(r.Tag), html.EscapeString(r.Name), html.EscapeString(html.EscapeString(r.Body)))
	}
	return b.String() + "</feed>\n"
}

func rss(all []Release) string {
	var b strings.Builder
	b.WriteString("<rss version=\"2.0\"><channel><title>News</title>\n")
	for _, r := range all {
		fmt.Fprintf(&b, "<item><title>%s</title><pubDate>%s</pubDate><description>%s</description></item>\n",
			html.EscapeString(r.Name), r.At.UTC().Format(time.RFC1123Z), html.EscapeString(r.Body))
	}
	return b.String() + "</channel></rss>\n"
}

// list is one page of an API, with the link to the next.
func (s *Server) list(w http.ResponseWriter, r *http.Request, form, repo string, all []Release) string {
	size, err := strconv.Atoi(r.URL.Query().Get("per_page") + r.URL.Query().Get("limit"))
	if err != nil || size > 100 {
		size = 30
	}
	number, err := strconv.Atoi(r.URL.Query().Get("page"))
	if err != nil {
		number = 1
	}
	from, to := min((number-1)*size, len(all)), min(number*size, len(all))
	if to < len(all) {
		next := *r.URL
		q := next.Query()
		q.Set("page", strconv.Itoa(number+1))
		next.RawQuery = q.Encode()
		w.Header().Set("Link", fmt.Sprintf(`<%s%s>; rel="next", <%s/last>; rel="last"`, s.URL, next.RequestURI(), s.URL))
	}
	list := []map[string]any{}
	for _, x := range all[from:to] {
		page := s.URL + "/" + repo + "/releases/tag/" + x.Tag
		switch form {
		case "tags":
			list = append(list, map[string]any{"name": x.Tag, "commit": map[string]any{"sha": "0123abcd"}})
		case "gitlab":
			list = append(list, map[string]any{"tag_name": x.Tag, "name": x.Name, "description": x.Body, "released_at": x.At, "upcoming_release": x.Draft, "_links": map[string]any{"self": page}})
		default:
			list = append(list, map[string]any{"tag_name": x.Tag, "name": x.Name, "body": x.Body, "draft": x.Draft, "prerelease": x.Pre, "published_at": x.At, "html_url": page})
		}
	}
	text, err := json.Marshal(list)
	if err != nil {
		return ""
	}
	return string(text)
}
