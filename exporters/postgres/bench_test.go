package postgres

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"

	"tocsin/internal/testenv"
)

// common are the collectors whose metrics Debian's 0.11.1 has too.
var common = []string{
	"settings", "database", "locks", "stat_activity", "stat_bgwriter", "stat_database", "stat_database_conflicts", "static", "exporter",
	"stat_archiver", "replication_slots", "stat_replication",
}

// What makes this test binary serve pages instead, in a process of its own.
const (
	serveVar = "TOCSIN_BENCH_SERVE"
	dsnVar   = "TOCSIN_BENCH_DSN"
	onlyVar  = "TOCSIN_BENCH_ONLY"
)

func TestMain(m *testing.M) {
	if address := os.Getenv(serveVar); address != "" {
		fmt.Fprintln(os.Stderr, serve(address))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// serve answers with the page of a server, compressed, as the program does.
func serve(address string) error {
	cfg := Config{DSN: os.Getenv(dsnVar)}
	if only := os.Getenv(onlyVar); only != "" {
		cfg.Collectors.Only = strings.Split(only, ",")
	}
	target := newTarget(cfg)
	z, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // as internal/web does; the level is valid
	var b bytes.Buffer
	return http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // one client, one at a time
		b.Reset()
		z.Reset(&b)
		encoder := expfmt.NewEncoder(z, expfmt.NewFormat(expfmt.TypeTextPlain))
		for _, mf := range target.Gather(r.Context()) {
			if err := encoder.Encode(mf); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
		_ = z.Close() // it writes to a buffer
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(b.Bytes())
	}))
}

// BenchmarkAgainstPostgresExporter scrapes ours and Debian's postgres_exporter
// in turn over HTTP with gzip: what both have of a server, then all that ours
// has by default. It reports the processors' time of each exporter, and of the
// whole server, a scrape. Run it with -benchtime=300x or more: the kernel counts
// in hundredths of a second.
func BenchmarkAgainstPostgresExporter(b *testing.B) {
	b.Run("5 databases", func(b *testing.B) { against(b, 2, 0) })
	b.Run("105 databases, 1000 tables", func(b *testing.B) { against(b, 102, 1000) })
}

// A contender is an exporter with its page.
type contender struct {
	name        string
	process     *testenv.Process
	url         string
	own, server time.Duration
	series      int
}

func against(b *testing.B, databases, tables int) {
	db := testenv.Postgres(b)
	for i := range databases {
		db.Exec(b, "postgres", fmt.Sprintf("CREATE DATABASE tenant_%d", i))
	}
	db.Exec(b, "postgres", fmt.Sprintf(`DO $$ BEGIN FOR i IN 1..%d LOOP
	EXECUTE format('CREATE TABLE t%%s (a int PRIMARY KEY, b text)', i); IF i %% 100 = 0 THEN COMMIT; END IF; END LOOP; END $$`, tables), "VACUUM ANALYZE", "CHECKPOINT")
	dsn := "user=admin dbname=postgres host=" + db.Dir
	all := []*contender{{name: "theirs"}, ownContender(b, "shared", dsn, common), ownContender(b, "whole", dsn, nil)}
	all[0].process, all[0].url = startExporter(b, dsn)
	for range 10 { // all are connected and warm
		for _, c := range all {
			get(b, c.url)
		}
	}
	const block = 10 // the kernel counts hundredths of a second: many of one kind are taken together
	for i := 0; i < b.N; i += block {
		for _, c := range all {
			own, server := c.process.CPU(b), testenv.TreeCPU(b, db.PID())
			for range block {
				c.series = get(b, c.url)
			}
			c.own += c.process.CPU(b) - own
			c.server += testenv.TreeCPU(b, db.PID()) - server
		}
	}
	rounds := float64((b.N + block - 1) / block * block)
	for _, c := range all {
		b.ReportMetric(c.own.Seconds()*1000/rounds, c.name+"-ms")
		b.ReportMetric(c.server.Seconds()*1000/rounds, c.name+"-server-ms")
		b.ReportMetric(float64(c.series), c.name+"-series")
	}
	b.ReportMetric(all[1].own.Seconds()/all[0].own.Seconds(), "ratio")
	b.ReportMetric(all[1].server.Seconds()/all[0].server.Seconds(), "server-ratio")
	b.ReportMetric(0, "ns/op")
}

func ownContender(b *testing.B, name, dsn string, only []string) *contender {
	address := fmt.Sprintf("127.0.0.1:%d", testenv.Port(b))
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveVar+"="+address, dsnVar+"="+dsn, onlyVar+"="+strings.Join(only, ","))
	c := &contender{name: name, process: testenv.StartCmd(b, cmd), url: "http://" + address + "/metrics"}
	testenv.WaitHTTP(b, c.url)
	return c
}

// get reads a page and counts its series.
func get(b *testing.B, url string) int {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	request.Header.Set("Accept-Encoding", "gzip")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	z, err := gzip.NewReader(response.Body)
	if err != nil {
		b.Fatal(err)
	}
	body, err := io.ReadAll(z)
	if err != nil || response.StatusCode != http.StatusOK {
		b.Fatalf("%s: %s, %v", url, response.Status, err)
	}
	return bytes.Count(body, []byte("\n")) - bytes.Count(body, []byte("\n#")) - 1
}
