package queryapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"

	"tocsin/alerts/engine/queryapi"
)

// discard is a client that reads everything and keeps nothing.
type discard struct {
	header http.Header
	n      int64
}

func (d *discard) Header() http.Header { return d.header }
func (d *discard) WriteHeader(int)     {}
func (d *discard) Write(b []byte) (int, error) {
	d.n += int64(len(b))
	return len(b), nil
}

const bigRange = "/api/v1/query_range?query=load&start=1000000&end=1014985&step=15"

func benchmark(b *testing.B, accept string) {
	db := newDB(b)
	fill(b, db, 100, 1000)
	h := queryapi.New(queryapi.Options{Engine: newEngine(), Queryable: db})
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, bigRange, http.NoBody)
	r.Header.Set("Accept-Encoding", accept)
	b.ReportAllocs()
	var n int64
	for b.Loop() {
		w := &discard{header: http.Header{}}
		h.ServeHTTP(w, r)
		n = w.n
	}
	b.ReportMetric(float64(n), "answer-bytes")
}

// BenchmarkQueryRange is a graph of 100 series with 1,000 points each.
func BenchmarkQueryRange(b *testing.B)      { benchmark(b, "identity") }
func BenchmarkQueryRange_gzip(b *testing.B) { benchmark(b, "gzip") }

// BenchmarkQueryRange_standardJSON is the same with encoding/json over the
// engine's own types: what the streaming writer saves.
func BenchmarkQueryRange_standardJSON(b *testing.B) {
	db := newDB(b)
	fill(b, db, 100, 1000)
	engine := newEngine()
	b.ReportAllocs()
	for b.Loop() {
		q, err := engine.NewRangeQuery(b.Context(), db, nil, "load", time.Unix(1_000_000, 0), time.Unix(1_014_985, 0), 15*time.Second)
		if err != nil {
			b.Fatal(err)
		}
		result := q.Exec(b.Context())
		if m, err := result.Matrix(); err != nil || len(m) != 100 || len(m[0].Floats) != 1000 {
			b.Fatal(err, len(m))
		}
		if err := json.NewEncoder(io.Discard).Encode(result.Value.(promql.Matrix)); err != nil {
			b.Fatal(err)
		}
		q.Close()
	}
}
