package web

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tocsin/internal/frame"
)

func TestPages_methods(t *testing.T) {
	s := newSite(t, View{
		Node:    target("node", "n", constant("time", "node_time_seconds", 17)),
		Targets: []*frame.Target{target("brick", "b", constant("c", "brick_up", 1))},
	})
	s.status = Status{Language: "en", Now: time.Now()}
	for _, path := range []string{"/", "/metrics", "/metrics/brick/b", "/sd", "/-/healthy", "/-/ready"} {
		server := httptest.NewServer(s.outer)
		response, err := http.Head(server.URL + path) //nolint:noctx // a test's
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		server.Close()
		if response.StatusCode != http.StatusOK || len(body) > 0 || response.Header.Get("Content-Type") == "" {
			t.Errorf("HEAD %s: %s, %d bytes, type %q", path, response.Status, len(body), response.Header.Get("Content-Type"))
		}
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodTrace, "BREW"} {
			w := s.do(localRequest(method, path))
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d, Allow %q", method, path, w.Code, w.Header().Get("Allow"))
			}
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodDelete} {
		if w := s.do(localRequest(method, "/-/reload")); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s /-/reload: %d", method, w.Code)
		}
	}
	if s.reloads.Load() != 0 {
		t.Error("a reload was made")
	}
}

func TestPages_gzipWhereAskedFor(t *testing.T) {
	s := newSite(t, View{Node: target("node", "n", constant("c", "long_info", 1, "l", strings.Repeat("x", 5000)))})
	for header, want := range map[string]bool{
		"gzip": true, "deflate, gzip;q=0.5": true, "*": true, "": false, "gzip;q=0": false, "gzip; q=0.0, br": false, "br": false, "xgzip": false,
	} {
		r := localRequest(http.MethodGet, "/metrics")
		r.Header.Set("Accept-Encoding", header)
		w := s.do(r)
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != want {
			t.Errorf("%q: compressed %v", header, got)
		}
		if fmt.Sprint(w.Body.Len()) != w.Header().Get("Content-Length") {
			t.Errorf("%q: length %s of %d", header, w.Header().Get("Content-Length"), w.Body.Len())
		}
		var body io.Reader = w.Body
		if want {
			z, err := gzip.NewReader(body)
			if err != nil {
				t.Fatal(err)
			}
			body = z
		}
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		if parse(t, string(text))["long_info"] == nil {
			t.Errorf("%q: the page is not whole", header)
		}
	}
}

func TestHandler_innerServesPagesAndNothingElse(t *testing.T) {
	s := newSite(t, View{
		Node:    target("node", "n", constant("time", "node_time_seconds", 17)),
		Targets: []*frame.Target{target("brick", "b", constant("c", "brick_up", 1))},
	})
	do := func(method, path string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(context.Background(), method, path, nil)
		r.Host = "tocsin.invalid"
		r.Header.Set("Accept-Encoding", "gzip")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		return w
	}
	for path, want := range map[string]string{"/metrics": "node_time_seconds 17\n", "/metrics/brick/b": "brick_up 1\n"} {
		w := do(http.MethodGet, path)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) || w.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s: %d\n%s", path, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/", "/sd", "/-/reload", "/-/healthy", "/api/v1/query", "/api/v2/silences"} {
		if w := do(http.MethodPost, path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}
