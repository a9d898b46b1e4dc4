package queryapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"

	"tocsin/alerts/engine/queryapi"
)

func newDB(t testing.TB) *tsdb.DB {
	t.Helper()
	db, err := tsdb.Open(t.TempDir(), slog.New(slog.DiscardHandler), nil, tsdb.DefaultOptions(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func newEngine() *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		MaxSamples: 5_000_000, Timeout: 30 * time.Second, LookbackDelta: 5 * time.Minute,
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: parser.NewParser(parser.Options{}),
	})
}

// fill appends points samples each 15 s from 1,000,000 s after 1970 on, to
// series of the given number: load{host="h000"} has the value 0, 1, 2...
func fill(t testing.TB, db *tsdb.DB, series, points int) {
	t.Helper()
	app := db.Appender(context.Background())
	for i := range series {
		set := labels.FromStrings("__name__", "load", "host", fmt.Sprintf("h%03d", i), "job", "node", "instance", fmt.Sprintf("h%03d:9100", i))
		for k := range points {
			if _, err := app.Append(0, set, 1_000_000_000+int64(k)*15_000, float64(k)+float64(i)/7); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
}

// small is an API over three series of twenty samples.
func small(t testing.TB, change func(*queryapi.Options)) http.Handler {
	t.Helper()
	db := newDB(t)
	fill(t, db, 3, 20)
	o := queryapi.Options{Engine: newEngine(), Queryable: db, Now: func() time.Time { return time.Unix(1_000_100, 0) }}
	if change != nil {
		change(&o)
	}
	return queryapi.New(o)
}

// get asks h by GET and returns status and body.
func get(t testing.TB, h http.Handler, target string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody))
	return w.Code, w.Body.String()
}

// post asks h by a form.
func post(t testing.TB, h http.Handler, target string, form url.Values) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// fetch asks a server and returns status and body.
func fetch(t testing.TB, method, target string, form url.Values) (int, string) {
	t.Helper()
	var body io.Reader = http.NoBody
	if method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	} else if len(form) > 0 {
		target += "?" + form.Encode()
	}
	r, err := http.NewRequestWithContext(t.Context(), method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(b)
}

// expect checks status and a part of the body, and that the body is JSON.
func expect(t *testing.T, what string, status int, body string, wantStatus int, want string) {
	t.Helper()
	if status != wantStatus || !strings.Contains(body, want) {
		t.Errorf("%s: got %d %s\nwant %d with %s", what, status, body, wantStatus, want)
	}
	if !json.Valid([]byte(body)) {
		t.Errorf("%s: not JSON: %s", what, body)
	}
}
