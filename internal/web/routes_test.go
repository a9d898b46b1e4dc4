package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"tocsin/internal/frame"
	"tocsin/internal/web/access"
)

// What a request brings along.
type visitor struct {
	name    string
	request func(method, path string) *http.Request
}

func visitors() []visitor {
	from := func(host, address string, headers ...string) func(method, path string) *http.Request {
		return func(method, path string) *http.Request {
			r := httptest.NewRequestWithContext(context.Background(), method, path, nil)
			r.Host = host
			for i := 0; i+1 < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
			return over(r, address)
		}
	}
	withPassword := func(next func(method, path string) *http.Request) func(method, path string) *http.Request {
		return func(method, path string) *http.Request {
			r := next(method, path)
			r.SetBasicAuth("amina", "word")
			return r
		}
	}
	return []visitor{
		{"local", from("localhost:10617", "127.0.0.1")},
		{"lan", from("guet.ville.example:10617", "10.0.0.5")},
		{"rebound", from("evil.example:10617", "127.0.0.1")},
		{"proxied", from("localhost:10617", "127.0.0.1", "X-Forwarded-For", "1.2.3.4")},
		{"foreign page", from("localhost:10617", "127.0.0.1", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example")},
		{"lan with password", withPassword(from("guet.ville.example:10617", "10.0.0.5"))},
		{"foreign page with password", withPassword(from("guet.ville.example", "10.0.0.5", "Sec-Fetch-Site", "cross-site"))},
	}
}

// TestRoutes_whoMay asks each route in each way as each visitor, with and
// without users, and wants the answer that DESIGN.md gives.
func TestRoutes_whoMay(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("word"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	users := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(users, []byte("amina:"+string(hash)), 0o600); err != nil {
		t.Fatal(err)
	}
	engine := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	serve := func(config access.Config) *site {
		s := newSite(t, View{
			Access: newAccess(t, access.Options{Config: config}), QueryAPI: engine, Alertmanager: engine,
			Targets: []*frame.Target{target("brick", "b", constant("c", "brick_up", 1))},
		})
		s.status = Status{Now: time.Now()}
		return s
	}
	open, closed := serve(access.Config{}), serve(access.Config{UsersFile: users})

	reads := []string{
		"GET /", "GET /metrics", "HEAD /metrics", "GET /metrics/brick/b", "GET /sd", "GET /nothing", "GET /metrics/no/no",
		"GET /api/v1/query", "POST /api/v1/query", "POST /api/v1/query_range", "POST /api/v1/labels", "POST /api/v1/series",
		"GET /api/v1/rules", "POST /api/v1/rules", "POST /api/v1/status/buildinfo", "GET /api/v2/silences", "HEAD /api/v2/alerts", "OPTIONS /api/v2/alerts", "POST /nothing",
	}
	writes := []string{
		"POST /-/reload", "PUT /-/reload", "POST /api/v2/alerts", "POST /api/v2/silences", "DELETE /api/v2/silence/1",
		"PUT /api/v2/x", "PATCH /api/v2/x", "BREW /api/v2/x", "POST /api/v1/admin/tsdb/delete_series", "PUT /api/v1/query",
		"DELETE /api/v1/series", "POST /api/v1/", "POST /api/v1/queryx", "POST /api/v1/query/",
	}
	publics := []string{"GET /-/healthy", "HEAD /-/healthy", "GET /-/ready"}

	// The refusal by visitor; absent: none.
	type table map[string]int
	const no, forbidden, misdirected = http.StatusUnauthorized, http.StatusForbidden, http.StatusMisdirectedRequest
	for _, c := range []struct {
		class   string
		site    *site
		routes  []string
		refused table
	}{
		{"public", open, publics, table{}},
		{"public, users", closed, publics, table{}},
		{"read", open, reads, table{"rebound": misdirected}},
		{"read, users", closed, reads, table{"local": no, "lan": no, "rebound": no, "proxied": no, "foreign page": no}},
		{"write", open, writes, table{
			"lan": forbidden, "rebound": forbidden, "proxied": forbidden, "foreign page": forbidden,
			"lan with password": forbidden, "foreign page with password": forbidden,
		}},
		{"write, users", closed, writes, table{
			"local": no, "lan": no, "rebound": no, "proxied": no, "foreign page": forbidden, "foreign page with password": forbidden,
		}},
	} {
		for _, route := range c.routes {
			for _, v := range visitors() {
				method, path, _ := strings.Cut(route, " ")
				w := c.site.do(v.request(method, path))
				want := c.refused[v.name]
				refused := w.Code == no || w.Code == forbidden || w.Code == misdirected
				if (want != 0 && w.Code != want) || (want == 0 && refused) {
					t.Errorf("%s: %s by %s: %d, want refusal %d", c.class, route, v.name, w.Code, want)
				}
				if (w.Header().Get("WWW-Authenticate") != "") != (w.Code == no) {
					t.Errorf("%s: %s by %s: %d with WWW-Authenticate %q", c.class, route, v.name, w.Code, w.Header().Get("WWW-Authenticate"))
				}
			}
		}
	}
	// By whom a reload was let through: "local" twice, and "lan with password" twice.
	if a, b := open.reloads.Load(), closed.reloads.Load(); a != 2 || b != 2 {
		t.Errorf("%d and %d reloads", a, b)
	}
}

// TestRoutes_pathTricksReachNoOtherClass sends paths that look like one route
// and could be taken for another.
func TestRoutes_pathTricksReachNoOtherClass(t *testing.T) {
	s := newSite(t, View{})
	lan := visitors()[1]
	for _, path := range []string{
		"/-/healthy/../reload", "//-/reload", "/-/./reload", "/%2d/reload", "/-/reload/", "/-/healthy/..%2freload", "/-/healthy%2f..%2freload",
	} {
		s.do(lan.request(http.MethodPost, path))
	}
	if n := s.reloads.Load(); n != 0 {
		t.Errorf("%d reloads were made", n)
	}
}
