package rabbitmq

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"tocsin/internal/frame"
	"tocsin/internal/testenv"
)

// queues makes n queues in a broker at once, by definitions.
func queues(t testing.TB, b *testenv.Broker, n int) {
	t.Helper()
	type queue struct {
		Name    string         `json:"name"`
		VHost   string         `json:"vhost"`
		Durable bool           `json:"durable"`
		Auto    bool           `json:"auto_delete"`
		Args    map[string]any `json:"arguments"`
	}
	all := make([]queue, n)
	for i := range all {
		all[i] = queue{Name: fmt.Sprintf("load.%05d", i), VHost: "/", Args: map[string]any{}}
	}
	text, err := json.Marshal(map[string]any{"queues": all})
	if err != nil {
		t.Fatal(err)
	}
	put(t, b, http.MethodPost, "/api/definitions", string(text))
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// served is our page over HTTP, gzipped where that is asked for, as
// internal/web does it.
func served(t testing.TB, target *frame.Target) string {
	t.Helper()
	z, _ := gzip.NewWriterLevel(io.Discard, gzip.StatelessCompression) // the level is valid
	var page, small bytes.Buffer                                       // there is one request at a time
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page.Reset()
		enc := expfmt.NewEncoder(&page, expfmt.NewFormat(expfmt.TypeTextPlain).WithEscapingScheme(model.NoEscaping))
		for _, mf := range target.Gather(r.Context()) {
			if err := enc.Encode(mf); err != nil {
				t.Error(err)
			}
		}
		if s := target.States()[0]; s.Reason != "" {
			t.Error(s.Error)
		}
		if r.Header.Get("Accept-Encoding") != "gzip" {
			_, _ = w.Write(page.Bytes())
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		small.Reset()
		z.Reset(&small)
		_, _ = z.Write(page.Bytes())
		_ = z.Close()
		w.Header().Set("Content-Length", strconv.Itoa(small.Len()))
		_, _ = w.Write(small.Bytes())
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// fetch reads a page and throws it away.
func fetch(t testing.TB, url, encoding string) int64 {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept-Encoding", encoding)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	n, err := io.Copy(io.Discard, response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestCost_plugin measures our page against the plugin's own, in turn, so that
// whatever else the machine does meets both.
func TestCost_plugin(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("TOCSIN_QUEUES"))
	if err != nil {
		testenv.Skip(t, "a measurement: set TOCSIN_QUEUES, as 10000")
	}
	b := testenv.RabbitMQ(t, "")
	queues(t, b, n)
	time.Sleep(max(10*time.Second, time.Duration(n)*2*time.Millisecond)) // until it is quiet again
	entries, err := New(entry(b, ModePlugin), Options{})
	if err != nil {
		t.Fatal(err)
	}
	target := frame.NewTarget(frame.Spec{Job: "rabbitmq", Collectors: entries[:1]}, slog.New(slog.DiscardHandler))
	url := served(t, target)
	for _, encoding := range []string{"gzip", "identity"} { // Prometheus asks for gzip
		var ours, plugins []time.Duration
		var ourCPU, theirCPU, self time.Duration
		var size int64
		rounds := 200
		if n > 1000 {
			rounds = 30
		}
		for range rounds {
			began, busy := time.Now(), b.CPU(t)
			size = fetch(t, b.Prometheus+"/metrics", encoding)
			plugins, theirCPU = append(plugins, time.Since(began)), theirCPU+b.CPU(t)-busy
			began, busy = time.Now(), b.CPU(t)
			own := testenv.CPU(t, os.Getpid())
			fetch(t, url, encoding)
			ours, ourCPU, self = append(ours, time.Since(began)), ourCPU+b.CPU(t)-busy, self+testenv.CPU(t, os.Getpid())-own
		}
		t.Logf("%d queues, %s, %d bytes: the plugin's own page in %s (fastest %s), ours in %s (fastest %s): %.3f and %.3f times; the broker's CPU %s and %s, ours %s",
			n, encoding, size, median(plugins), plugins[0], median(ours), ours[0], float64(median(ours))/float64(median(plugins)), float64(ours[0])/float64(plugins[0]),
			theirCPU/time.Duration(rounds), ourCPU/time.Duration(rounds), self/time.Duration(rounds))
	}
}

// TestCost_management measures a listing of all queues by the management API.
func TestCost_management(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("TOCSIN_QUEUES"))
	if err != nil {
		testenv.Skip(t, "a measurement: set TOCSIN_QUEUES, as 10000")
	}
	b := testenv.RabbitMQ(t, "")
	queues(t, b, n)
	time.Sleep(10 * time.Second)
	debug.FreeOSMemory()
	peak, stop := memoryPeak()
	for range 3 {
		p := newPair(t, entry(b, ModeManagement))
		busy, began := b.CPU(t), time.Now()
		l, err := p.listObjects(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		listed := time.Since(began)
		began = time.Now()
		r := once(t, p.broker)
		t.Logf("%d queues listed in %s, broker CPU %s; the page without it in %s, %d series", n, listed, b.CPU(t)-busy, time.Since(began), len(r.Samples))
		if len(l.sums) == 0 {
			t.Error("nothing was summed")
		}
	}
	stop()
	t.Logf("memory of this process: at most %d MiB", peak()>>20)
}

// memoryPeak watches what this process holds of the system's memory.
func memoryPeak() (peak func() uint64, stop func()) {
	var most uint64
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.Sys-m.HeapReleased)
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() uint64 { <-ended; return most }, func() { close(done) }
}
