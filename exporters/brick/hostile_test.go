package brick

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"tocsin/bricks"
	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/secret"
)

// kind reads a kind of a test's own.
func kind(t testing.TB, text string) bricks.Kind {
	t.Helper()
	k, faults := bricks.Parse("x.yml", []byte(text))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return k
}

const pad = `kind: pad
requests:
  health: {path: /health}
health: {jq: .health.body.ok, words: .health.body.why}
version: {jq: .health.body.version}
metrics:
  - {name: pad_users, type: gauge, help: Users., value: .health.body.users}
  - {name: pad_rooms, type: gauge, help: Rooms., rows: '.health.body.rooms[]?', value: .n, labels: {room: .name}, optional: true}
`

func serve(t testing.TB, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

func TestHTTP_hostileAnswers(t *testing.T) {
	k := kind(t, pad)
	rooms := `{"ok":true,"users":1,"rooms":[` + strings.Repeat(`{"name":"a","n":1},`, 9999) + `{"name":"b","n":1}]}`
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		reason  string
		words   string
	}{
		"HTML":          {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, "unparsable", "HTML"},
		"nothing":       {func(http.ResponseWriter, *http.Request) {}, "unparsable", "empty"},
		"truncated":     {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ok":tr`) }, "unparsable", "breaks off"},
		"cut off":       {cutOff, "reset", "cut"},
		"100 MB":        {func(w http.ResponseWriter, _ *http.Request) { flood(w, 100<<20) }, "too_large", "4 MiB"},
		"deep":          {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("[", 100000)) }, "unparsable", "nests"},
		"NaN":           {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ok":true,"users":NaN}`) }, "unparsable", "no JSON"},
		"another shape": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `["hunter2"]`) }, "unexpected", "shape"},
		"no verdict":    {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ok":"yes"}`) }, "unexpected", "does not say"},
		"its own words": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"ok":false,"why":"@all\u0000 %s"}`, strings.Repeat("x", 5000))
		}, "unhealthy", "all x"},
		"10,000 rows": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, rooms) }, "", ""},
		"a redirect":  {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusFound) }, "status", "redirects"},
		"long header": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 100_000)) }, "too_large", "header"},
		"long version": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"ok":true,"users":2,"version":"%s"}`, strings.Repeat("9", 5000))
		}, "", ""},
		"users as text":  {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ok":true,"users":"NaN"}`) }, "", ""},
		"users infinite": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ok":true,"users":1e999}`) }, "unparsable", "no JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			before := heap()
			p := everything(t, bricks.Brick{Name: "pad", URL: serve(t, test.handler)}, k)
			p.up(t, test.reason)
			if !strings.Contains(p.words, test.words) || len(p.words) > 300 || strings.ContainsAny(p.words, "@\x00") || strings.Contains(p.words, "hunter2") {
				t.Errorf("words %q, want %q in them", p.words, test.words)
			}
			if grown := int64(heap()) - int64(before); grown > 64<<20 {
				t.Errorf("memory grew by %d MiB", grown>>20)
			}
			switch name {
			case "10,000 rows":
				p.has(t, map[string]float64{"brick_metric_missing{metric=pad_rooms,reason=rows}": 1, "brick_metric_missing{metric=pad_rooms,reason=duplicate}": 1, "pad_rooms{room=a}": 1})
			case "users as text":
				p.has(t, map[string]float64{"brick_metric_missing{metric=pad_users,reason=type}": 1})
			case "long version":
				for key := range p.values {
					if strings.HasPrefix(key, "brick_version_info") {
						t.Error(key[:60])
					}
				}
			}
		})
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func flood(w io.Writer, n int) {
	block := bytes.Repeat([]byte(" "), 1<<20)
	for range n >> 20 {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

func cutOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	_, _ = io.WriteString(w, `{"ok":true`)
}

func TestHTTP_aServiceThatHangsStillGetsItsPage(t *testing.T) {
	release := make(chan struct{})
	at := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	entries, err := New(bricks.Brick{Name: "pad", URL: at}, kind(t, pad), Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	sink := frame.NewSink(entries[0].Collector.Families())
	if err := entries[0].Collector.Collect(ctx, sink); err != nil || ctx.Err() != nil {
		t.Fatalf("%v, %v: the page must come before the deadline", err, ctx.Err())
	}
	explainer, _ := entries[0].Collector.(frame.Explainer)
	if !strings.Contains(explainer.Explain(), "in time") {
		t.Errorf("words %q", explainer.Explain())
	}
}

// A password goes to the address it is for, and nowhere else: not along a
// redirect, not into words.
func TestHTTP_credentialsStayHome(t *testing.T) {
	var elsewhere []string
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		elsewhere = append(elsewhere, r.Header.Get("Authorization")+r.Header.Get("Referer"))
		_, _ = io.WriteString(w, `{"ok":true,"users":1}`)
	})
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		switch {
		case r.URL.Path == "/away/health":
			http.Redirect(w, r, other, http.StatusFound)
		case user != "guet" || password != "hunter2":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			_, _ = io.WriteString(w, `{"ok":true,"users":1}`)
		}
	})
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	k := kind(t, strings.Replace(pad, "{path: /health}", "{path: /health, auth: basic}", 1))
	b := bricks.Brick{Name: "pad", URL: at, Requests: map[string]bricks.Access{"health": {Username: "guet", Password: secret.Source{File: file}}}}
	everything(t, b, k).up(t, "")
	b.URL = at + "/away"
	p := everything(t, b, k)
	p.up(t, "status")
	if len(elsewhere) > 0 || strings.Contains(p.words, "hunter2") || strings.Contains(p.words, other) {
		t.Errorf("asked elsewhere: %q; words %q", elsewhere, p.words)
	}
	b.URL, b.Requests = at, nil
	everything(t, b, k).up(t, "denied")
	plain := everything(t, bricks.Brick{Name: "pad", URL: at + "/away"}, kind(t, strings.Replace(pad, "{path: /health}", "{path: /health, follow_redirects: true}", 1)))
	plain.up(t, "")
}

func TestHTTP_certificate(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ok":true,"users":1}`) }))
	defer s.Close()
	p := everything(t, bricks.Brick{Name: "pad", URL: s.URL}, kind(t, pad))
	p.up(t, "tls")
	if !strings.Contains(p.words, "ca_file") {
		t.Errorf("words %q", p.words)
	}
	everything(t, bricks.Brick{Name: "pad", URL: strings.Replace(s.URL, "https", "http", 1)}, kind(t, pad)).up(t, "status")
	everything(t, bricks.Brick{Name: "pad", URL: "https://tocsin.invalid"}, kind(t, pad)).up(t, "dns")
}

// A server of streams that never ends, and one of RESP that lies.
func TestStreams_hostile(t *testing.T) {
	redis, wcs := find(t, "redis"), find(t, "wcs")
	for name, test := range map[string]struct{ says, reason string }{
		"HTTP":        {"HTTP/1.1 400 Bad Request\r\n\r\n", "unparsable"},
		"huge":        {"+PONG\r\n$999999999\r\n", "too_large"},
		"negative":    {"+PONG\r\n$-1\r\n", "unparsable"},
		"cut":         {"+PONG\r\n$100\r\nredis", "reset"},
		"endless":     {strings.Repeat("+", 1<<20), "unparsable"},
		"an error":    {"-ERR hunter2\r\n", "denied"},
		"another one": {"-WHAT hunter2\r\n", "error"},
		"silent":      {"", "reset"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					_, _ = conn.Read(make([]byte, 64))
					_, _ = io.WriteString(conn, test.says)
					_ = conn.Close()
				}
			}()
			p := everything(t, bricks.Brick{Name: "r", URL: "redis://" + l.Addr().String()}, redis)
			p.up(t, test.reason)
			if strings.Contains(p.words, "hunter2") {
				t.Errorf("words %q", p.words)
			}
		})
	}
	socket := filepath.Join(t.TempDir(), "s")
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			flood(conn, 100<<20)
			_ = conn.Close()
		}
	}()
	robots := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	p := everything(t, bricks.Brick{Name: "d", URL: robots, Requests: map[string]bricks.Access{"uwsgi": {URL: "unix://" + socket}}}, wcs)
	p.has(t, map[string]float64{"brick_up": 1, "brick_request_failure_info{reason=too_large,request=uwsgi}": 1})
}

func TestCollector_keepsTheContract(t *testing.T) {
	at := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"ok":true,"users":1,"version":"1"}`)
	})
	collectortest.Run(t, func(t testing.TB) frame.Collector {
		entries, err := New(bricks.Brick{Name: "pad", URL: at, Needs: []string{"brick/x"}}, kind(t, pad), Options{})
		if err != nil {
			t.Fatal(err)
		}
		return entries[0].Collector
	})
}

// A start told in whole seconds of uptime wavers; that is no restart.
func TestCollector_aStartThatWaversIsNone(t *testing.T) {
	c := &collector{}
	for _, test := range []struct{ told, want float64 }{{1000, 1000}, {1001, 1000}, {998, 1000}, {1200, 1200}, {1199, 1200}} {
		if got := c.steady(test.told); got != test.want {
			t.Errorf("%v became %v, want %v", test.told, got, test.want)
		}
	}
}

// Whoever has the dashboards of the exporter finds its names, types and labels.
func TestCompat_namesTypesAndLabelsAreThoseOfTheExporter(t *testing.T) {
	for name, file := range map[string]string{"redis": "redis_exporter-1.45", "nginx": "nginx_exporter-0.11"} {
		text, err := os.ReadFile(filepath.Join("testdata", file, "page.prom"))
		if err != nil {
			t.Fatal(err)
		}
		parser := expfmt.NewTextParser(model.LegacyValidation)
		page, err := parser.TextToMetricFamilies(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		_, declared := families(find(t, name))
		compared := 0
		for _, f := range declared {
			theirs, ok := page[f.Name]
			if !ok {
				if !strings.HasPrefix(f.Name, "redis_master_") && f.Name != "redis_connected_slave_lag_seconds" { // of replicas
					t.Errorf("%s is no name of %s", f.Name, file)
				}
				continue
			}
			compared++
			if got := strings.ToUpper(f.Type.String()); got != theirs.GetType().String() {
				t.Errorf("%s is a %s, theirs a %s", f.Name, got, theirs.GetType())
			}
			var labels []string
			if len(theirs.Metric) > 0 {
				for _, l := range theirs.Metric[0].Label {
					labels = append(labels, l.GetName())
				}
			}
			if diff := cmp.Diff(labels, f.Labels); len(theirs.Metric) > 0 && len(labels)+len(f.Labels) > 0 && diff != "" {
				t.Errorf("%s: labels %s", f.Name, diff)
			}
		}
		if compared < 8 {
			t.Errorf("only %d names of %s were compared", compared, name)
		}
	}
}
