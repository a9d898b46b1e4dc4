package queryapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"

	"tocsin/alerts/engine/queryapi"
)

func TestBounds_series(t *testing.T) {
	t.Parallel()
	h := small(t, func(o *queryapi.Options) { o.MaxSeries = 2 })
	const over = `"errorType":"execution","error":"the answer has 3 entries or more, and 2 are allowed: select or aggregate more narrowly, or set the parameter limit"`
	const cut = `"warnings":["results truncated due to limit"]`
	for _, path := range []string{"query?query=load", "query_range?query=load&start=1000000&end=1000100&step=15", "series?match[]=load", "series?match[]=load&match[]=load", "labels?", "label/host/values?"} {
		status, body := get(t, h, "/api/v1/"+path)
		expect(t, path, status, body, http.StatusUnprocessableEntity, over)
		status, body = get(t, h, "/api/v1/"+path+"&limit=1000")
		expect(t, path+" with a limit above", status, body, http.StatusUnprocessableEntity, over)
		status, body = get(t, h, "/api/v1/"+path+"&limit=2")
		expect(t, path+" with a limit", status, body, http.StatusOK, cut)
	}
	status, body := get(t, h, "/api/v1/query?query=count(load)")
	expect(t, "aggregated", status, body, http.StatusOK, `"3"]`)
	status, body = get(t, h, "/api/v1/series?match[]=load{host=~%22h00[01]%22}")
	expect(t, "just enough", status, body, http.StatusOK, `"h001"`)
}

func TestBounds_body(t *testing.T) {
	t.Parallel()
	h := small(t, func(o *queryapi.Options) { o.MaxBody = 1000 })
	status, body := post(t, h, "/api/v1/query", url.Values{"query": {strings.Repeat(" ", 1000) + "1"}})
	expect(t, "large body", status, body, http.StatusRequestEntityTooLarge, `"errorType":"bad_data","error":"error parsing form values: http: request body too large"`)
	status, body = post(t, h, "/api/v1/query", url.Values{"query": {strings.Repeat(" ", 100) + "1"}})
	expect(t, "small body", status, body, http.StatusOK, `"scalar"`)
}

func TestBounds_nesting(t *testing.T) {
	t.Parallel()
	h := small(t, nil)
	for _, path := range []string{"query", "query_range", "format_query", "query_exemplars"} {
		status, body := post(t, h, "/api/v1/"+path, url.Values{
			"query": {strings.Repeat("1+", 200_000) + "1"}, "start": {"1"}, "end": {"2"}, "step": {"1"},
		})
		expect(t, path, status, body, http.StatusBadRequest, `"error":"invalid parameter \"query\": more than 10000 tokens"`)
	}
}

// waiting is a storage whose lookups last until their context ends.
func waiting(begun chan<- struct{}) storage.Queryable {
	return storage.QueryableFunc(func(int64, int64) (storage.Querier, error) { return slow{storage.NoopQuerier(), begun}, nil })
}

type slow struct {
	storage.Querier
	begun chan<- struct{}
}

func (s slow) Select(ctx context.Context, _ bool, _ *storage.SelectHints, _ ...*labels.Matcher) storage.SeriesSet {
	s.begun <- struct{}{}
	<-ctx.Done()
	return storage.ErrSeriesSet(ctx.Err())
}

func (s slow) LabelValues(ctx context.Context, _ string, _ *storage.LabelHints, _ ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	s.begun <- struct{}{}
	<-ctx.Done()
	return nil, nil, ctx.Err()
}

func TestCancel_endsTheWork(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"query?query=up", "query_range?query=up&start=1&end=2&step=1", "series?match[]=up", "label/a/values"} {
		synctest.Test(t, func(t *testing.T) {
			begun := make(chan struct{}, 1)
			h := queryapi.New(queryapi.Options{Engine: newEngine(), Queryable: waiting(begun)})
			ctx, cancel := context.WithCancel(t.Context())
			w, done := httptest.NewRecorder(), make(chan struct{})
			go func() { // ends with the request
				defer close(done)
				h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/v1/"+path, http.NoBody))
			}()
			<-begun
			start := time.Now()
			cancel()
			<-done
			if took := time.Since(start); took != 0 {
				t.Errorf("%s: went on for %v", path, took)
			}
			expect(t, path, w.Code, w.Body.String(), 499, `"errorType":"canceled"`)
		})
	}
}

func TestTimeout_isToldAsSuch(t *testing.T) {
	t.Parallel()
	for path, after := range map[string]time.Duration{
		"query?query=up":             7 * time.Second,
		"query?query=up&timeout=2s":  2 * time.Second,
		"query?query=up&timeout=1h":  7 * time.Second,
		"series?match[]=up":          7 * time.Second,
		"label/a/values":             7 * time.Second,
		"label/a/values?timeout=1.5": 7 * time.Second, // a query's parameter only
	} {
		synctest.Test(t, func(t *testing.T) {
			h := queryapi.New(queryapi.Options{Engine: newEngine(), Queryable: waiting(make(chan struct{}, 1)), Timeout: 7 * time.Second})
			start := time.Now()
			status, body := get(t, h, "/api/v1/"+path)
			expect(t, path, status, body, http.StatusServiceUnavailable, `"errorType":"timeout"`)
			if took := time.Since(start); took != after {
				t.Errorf("%s took %v, want %v", path, took, after)
			}
		})
	}
}

func TestConcurrency_isBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := make(chan struct{}, 3)
		h := queryapi.New(queryapi.Options{Engine: newEngine(), Queryable: waiting(begun), Timeout: 10 * time.Second, MaxConcurrent: 2})
		ctx, cancel := context.WithCancel(t.Context())
		for range 2 {
			go h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/v1/query?query=up", http.NoBody)) // ends with cancel
		}
		synctest.Wait()
		status, body := get(t, h, "/api/v1/rules")
		expect(t, "a request that reads no samples", status, body, http.StatusOK, `"groups":[]`)

		third := make(chan string)
		go func() { // ends by its timeout
			_, body := get(t, h, "/api/v1/label/a/values")
			third <- body
		}()
		synctest.Wait()
		if len(begun) != 2 {
			t.Errorf("%d requests read the storage, want 2", len(begun))
		}
		cancel() // frees the places
		synctest.Wait()
		if len(begun) != 3 {
			t.Errorf("the third did not get a place")
		}
		if body := <-third; !strings.Contains(body, `"timeout"`) {
			t.Errorf("third: %s", body)
		}
	})
}

func TestConcurrency_waitingEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := queryapi.New(queryapi.Options{Engine: newEngine(), Queryable: waiting(make(chan struct{}, 9)), Timeout: 10 * time.Second, MaxConcurrent: 1})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		first := httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/v1/query?query=up", http.NoBody)
		go h.ServeHTTP(httptest.NewRecorder(), first) // ends by its timeout
		synctest.Wait()
		second, gone := context.WithTimeout(t.Context(), 3*time.Second)
		defer gone()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(second, http.MethodGet, "/api/v1/query?query=1", http.NoBody))
		expect(t, "no place", w.Code, w.Body.String(), http.StatusServiceUnavailable, `"error":"waiting for 1 other queries: context deadline exceeded"`)
	})
}
