package queryapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/annotations"

	"tocsin/alerts/engine/queryapi"
)

func TestForms(t *testing.T) {
	t.Parallel()
	h := small(t, nil)
	status, body := get(t, h, "/api/v1/query?query=1;time=2")
	expect(t, "semicolon", status, body, http.StatusBadRequest, `"errorType":"bad_data","error":"error parsing form values: invalid semicolon separator in query"`)
	status, body = get(t, h, "/api/v1/labels?limit=%zz")
	expect(t, "bad escape", status, body, http.StatusBadRequest, `error parsing form values`)

	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	if err := errors.Join(m.WriteField("query", "1+1"), m.WriteField("time", "4"), m.Close()); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/query", &b)
	r.Header.Set("Content-Type", m.FormDataContentType())
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	expect(t, "multipart", w.Code, w.Body.String(), http.StatusOK, `{"resultType":"scalar","result":[4,"2"]}`)

	status, body = post(t, h, "/api/v1/query?time=4", url.Values{"query": {"1+1"}})
	expect(t, "URL and body", status, body, http.StatusOK, `[4,"2"]`)
	status, body = get(t, h, "/api/v1/query?query=time()")
	expect(t, "now", status, body, http.StatusOK, `[1000100,"1000100"]`)
}

func TestRouting(t *testing.T) {
	t.Parallel()
	h := small(t, nil)
	for _, path := range []string{
		"/", "/api/v1", "/api/v1/", "/api/v2/query", "/api/v1/nothing", "/api/v1/query/", "/api/v1/label", "/api/v1/label/", "/api/v1/label/a",
		"/api/v1/label//values", "/api/v1/label/a/b/values", "/api/v1/label/values", "/api/v1/write", "/api/v1/read", "/api/v1/admin/tsdb/delete_series",
		"/api/v1/status/config", "/api/v1/status/flags", "/api/v1/status/runtimeinfo", "/api/v1/targets/metadata",
	} {
		status, body := get(t, h, path)
		expect(t, path, status, body, http.StatusNotFound, `"errorType":"not_found","error":"`+path+` is not served here"`)
	}
	for path, allow := range map[string]string{"/api/v1/query": "GET, POST", "/api/v1/label/a/values": "GET", "/api/v1/rules": "GET"} {
		for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody))
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != allow {
				t.Errorf("%s %s: %d, allowed %q, want 405 and %q", method, path, w.Code, w.Header().Get("Allow"), allow)
			}
		}
	}
}

func TestStorageErrors(t *testing.T) {
	t.Parallel()
	damaged := errors.New("a block is damaged")
	for _, test := range []struct {
		err    error
		status int
		kind   string
		logged bool
	}{
		{tsdb.ErrNotReady, http.StatusServiceUnavailable, "unavailable", false},
		{promql.ErrStorage{Err: damaged}, http.StatusInternalServerError, "internal", true},
		{damaged, http.StatusUnprocessableEntity, "execution", false},
	} {
		for _, path := range []string{"query?query=up", "series?match[]=up"} {
			var log bytes.Buffer
			h := queryapi.New(queryapi.Options{
				Engine: newEngine(), Logger: slog.New(slog.NewTextHandler(&log, nil)),
				Queryable: storage.QueryableFunc(func(int64, int64) (storage.Querier, error) { return failing{storage.NoopQuerier(), test.err}, nil }),
			})
			status, body := get(t, h, "/api/v1/"+path)
			expect(t, path, status, body, test.status, `"errorType":"`+test.kind+`"`)
			if logged := strings.Contains(log.String(), test.err.Error()); logged != test.logged {
				t.Errorf("%v was logged: %t, want %t: %s", test.err, logged, test.logged, log.String())
			}
		}
		h := queryapi.New(queryapi.Options{
			Engine: newEngine(), Queryable: storage.QueryableFunc(func(int64, int64) (storage.Querier, error) { return nil, test.err }),
		})
		status, body := get(t, h, "/api/v1/labels")
		expect(t, "labels", status, body, test.status, `"errorType":"`+test.kind+`"`)
	}
}

type failing struct {
	storage.Querier
	err error
}

func (f failing) Select(context.Context, bool, *storage.SelectHints, ...*labels.Matcher) storage.SeriesSet {
	return storage.ErrSeriesSet(f.err)
}

func TestNotes_areSent(t *testing.T) {
	t.Parallel()
	h := small(t, nil)
	status, body := get(t, h, "/api/v1/query?query=rate(load[1m])")
	expect(t, "info", status, body, http.StatusOK, `"infos":["PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"load\" (1:6)"]}`)
	status, body = get(t, h, "/api/v1/query?query=quantile(2,load)")
	expect(t, "warning", status, body, http.StatusOK, `"warnings":["PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)"]}`)
}

func TestGzip(t *testing.T) {
	t.Parallel()
	h := small(t, nil)
	const long, short = "/api/v1/query_range?query=load&start=1000000&end=1000300&step=1", "/api/v1/query?query=1"
	for _, test := range []struct {
		target, accept string
		zipped         bool
	}{
		{long, "gzip", true},
		{long, "deflate, gzip;q=1.0, *;q=0.5", true},
		{long, "br, gzip", true},
		{short, "gzip", false},
		{long, "", false},
		{long, "identity", false},
		{long, "gzip;q=0", false},
		{long, "gzip;q=x", false},
	} {
		_, plain := get(t, h, test.target)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, test.target, http.NoBody)
		r.Header.Set("Accept-Encoding", test.accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		body := io.Reader(w.Body)
		if zipped := w.Header().Get("Content-Encoding") == "gzip"; zipped != test.zipped {
			t.Errorf("%s with %q: zipped %t, want %t", test.target, test.accept, zipped, test.zipped)
		} else if zipped {
			z, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			body = z
		}
		b, err := io.ReadAll(body)
		if err != nil || string(b) != plain {
			t.Errorf("%s with %q: %v, the answers differ", test.target, test.accept, err)
		}
		if w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("headers: %v", w.Header())
		}
	}
}

// mapped is a storage whose strings are gone once it is closed, as those of a
// block are when it is unmapped.
type mapped struct {
	storage.Querier
	memory []byte
}

func (m *mapped) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return []string{unsafe.String(&m.memory[0], len(m.memory))}, nil, nil
}

func (m *mapped) Close() error {
	clear(m.memory)
	return nil
}

func TestLookups_closeTheStorageAfterTheAnswer(t *testing.T) {
	t.Parallel()
	m := &mapped{storage.NoopQuerier(), []byte("a value")}
	h := queryapi.New(queryapi.Options{
		Engine: newEngine(), Queryable: storage.QueryableFunc(func(int64, int64) (storage.Querier, error) { return m, nil }),
	})
	status, body := get(t, h, "/api/v1/label/a/values")
	expect(t, "values", status, body, http.StatusOK, `"data":["a value"]`)
	if m.memory[0] != 0 {
		t.Error("the storage was not closed")
	}
}

func TestEngineVersion_isThatOfTheModule(t *testing.T) {
	t.Parallel()
	mod, err := os.ReadFile("../../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	// Prometheus 3.15.0 is the module v0.315.0.
	m := regexp.MustCompile(`\n\tgithub.com/prometheus/prometheus v0\.(\d)(\d\d)\.(\d+)`).FindSubmatch(mod)
	if m == nil {
		t.Fatal("go.mod does not name Prometheus")
	}
	minor, err := strconv.Atoi(string(m[2]))
	if err != nil {
		t.Fatal(err)
	}
	if want := string(m[1]) + "." + strconv.Itoa(minor) + "." + string(m[3]); want != queryapi.EngineVersion {
		t.Errorf("EngineVersion is %s, go.mod has %s", queryapi.EngineVersion, want)
	}
}

// FuzzRequests holds that whatever is asked is answered, in JSON, by a known
// status, and never by a panic or an internal error.
func FuzzRequests(f *testing.F) {
	for _, seed := range [][2]string{
		{"query", "query=load&time=1000100"},
		{"query_range", "query=rate(load[1m])&start=1000000&end=1000100&step=5"},
		{"query_range", "query=1&start=1&end=2&step=0.0005"},
		{"series", "match[]=load&limit=1"},
		{"labels", "match[]={a=~%22(%22}"},
		{"label/host/values", "start=NaN"},
		{"label/U__a_2F_b/values", ""},
		{"metadata", "limit=-1"},
		{"rules", "type=x&group_limit=0"},
		{"query_exemplars", "query=a"},
		{"format_query", "query=sum(a)by(b)"},
		{"targets", "state=x"},
		{"query", "query=%ff&a;b"},
	} {
		f.Add(seed[0], seed[1])
	}
	h := small(f, func(o *queryapi.Options) { o.MaxSeries, o.Timeout = 50, time.Second })
	known := map[int]bool{200: true, 400: true, 404: true, 405: true, 422: true, 503: true}
	f.Fuzz(func(t *testing.T, path, query string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.URL = &url.URL{Path: "/api/v1/" + path, RawQuery: query}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if !known[w.Code] || !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%s?%s: %d %s", path, query, w.Code, w.Body)
		}
	})
}

// The series are made in an order that is not that of their labels, so that a
// merge of unsorted lists would tell some of them twice.
func TestSeries_ofSeveralSelectorsComeOnce(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	app := db.Appender(t.Context())
	for _, name := range []string{"d", "b", "c", "a", "e"} {
		if _, err := app.Append(0, labels.FromStrings("__name__", "x", "n", name), 1000, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	h := queryapi.New(queryapi.Options{Engine: newEngine(), Queryable: db})
	status, body := get(t, h, "/api/v1/series?match[]=x{n=~%22[abcd]%22}&match[]=x{n=~%22[ae]%22}&match[]=x")
	expect(t, "series", status, body, http.StatusOK, `"data":[{"__name__":"x","n":"a"},{"__name__":"x","n":"b"},{"__name__":"x","n":"c"},{"__name__":"x","n":"d"},{"__name__":"x","n":"e"}]}`)
}
