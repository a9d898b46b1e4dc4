//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"tocsin/internal/frame"
	"tocsin/internal/testenv"
)

// serveVar makes this test binary serve the host page instead of testing: the
// comparison with node_exporter wants a process of our own to measure.
const serveVar = "TOCSIN_TEST_SERVE_HOST_PAGE"

// sharedVar makes it serve the collectors that node_exporter has too, all of
// them, instead of those that run by default.
const sharedVar = "TOCSIN_TEST_SERVE_SHARED"

func TestMain(m *testing.M) {
	if address := os.Getenv(serveVar); address != "" {
		if cover := os.Getenv(coverVar); cover != "" {
			if err := harden(cover); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
		fmt.Fprintln(os.Stderr, http.ListenAndServe(address, hostPage()))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func hostTarget() *frame.Target {
	cfg := Config{Collectors: measured(os.Getenv(sharedVar) != "")}
	cfg.SetDefaults()
	return frame.NewTarget(frame.Spec{Job: "node", Alias: "node_scrape_collector", Collectors: New(cfg, discard())}, discard())
}

// measured is all that node_exporter has too, or those that run by default.
func measured(all bool) Selection {
	if all {
		return Selection{Only: shared()}
	}
	return Selection{}
}

// writePage gathers and writes the page as text.
func writePage(ctx context.Context, target *frame.Target, to io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	encoder := expfmt.NewEncoder(to, expfmt.NewFormat(expfmt.TypeTextPlain).WithEscapingScheme(model.NoEscaping)) // as internal/web does
	for _, mf := range target.Gather(ctx) {
		if err := encoder.Encode(mf); err != nil {
			return err
		}
	}
	return nil
}

// hostPage serves the page compressed, as node_exporter does for a Prometheus.
func hostPage() http.Handler {
	target := hostTarget()
	z, _ := gzip.NewWriterLevel(io.Discard, gzip.StatelessCompression) // as internal/web does; the level is valid
	var plain, b bytes.Buffer
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // one client, one at a time
		plain.Reset()
		if err := writePage(r.Context(), target, &plain); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		b.Reset()
		z.Reset(&b)
		_, _ = z.Write(plain.Bytes()) // a buffer takes all
		_ = z.Close()
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(b.Bytes())
	})
}

func BenchmarkHostPage(b *testing.B) {
	target := hostTarget()
	b.ReportAllocs()
	for b.Loop() {
		if err := writePage(b.Context(), target, io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCollector(b *testing.B) {
	var cfg Config
	cfg.SetDefaults()
	for _, c := range plain(New(cfg, discard())) {
		b.Run(c.Name(), func(b *testing.B) {
			families := c.Families()
			b.ReportAllocs()
			for b.Loop() {
				if err := c.Collect(b.Context(), frame.NewSink(families)); err != nil && !errors.Is(err, frame.ErrNoData) {
					b.Fatal(err)
				}
			}
		})
	}
}

// A server with two hundred mounts, most of them containers'.
func BenchmarkFilesystem_manyMounts(b *testing.B) {
	var mounts strings.Builder
	mounts.WriteString(line(1, "8:1", "/", "ext4", "/dev/sda1"))
	for i := range 200 {
		mounts.WriteString(line(100+i, fmt.Sprintf("0:%d", i), fmt.Sprintf("/var/lib/docker/overlay2/%d/merged", i), "overlay", "overlay"))
	}
	c, _ := withMounts(b, mounts.String(), fakeKernel().statfs)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Collect(b.Context(), frame.NewSink(c.Families())); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAgainstNodeExporter scrapes us and node_exporter in turn, each in
// a process of its own, with what runs by default (of us, what it does not have
// as well), and with all collectors that both have. It reports the CPU that a
// scrape costs each (user and system time of the process, as the kernel counts
// it) and how long the slowest hundredth took. Run it with -benchtime=300x or
// more: the kernel counts in hundredths of a second.
func BenchmarkAgainstNodeExporter(b *testing.B) {
	for name, all := range map[string]bool{"default": false, "all": true} {
		b.Run(name, func(b *testing.B) { against(b, all) })
	}
}

func against(b *testing.B, all bool) {
	cfg := Config{Collectors: measured(all)}
	cfg.SetDefaults()
	peer, peerURL := startNodeExporter(b, plain(New(cfg, discard())))
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(testenv.Port(b)))
	self := exec.Command(os.Args[0])
	self.Env = append(os.Environ(), serveVar+"="+address, "GOGC=50") // as internal/app sets it
	if all {
		self.Env = append(self.Env, sharedVar+"=yes")
	}
	own := testenv.StartCmd(b, self)
	ownURL := "http://" + address + "/metrics"
	testenv.WaitHTTP(b, ownURL)
	for range 20 { // both warm
		scrape(b, ownURL)
		scrape(b, peerURL)
	}
	var ownTook, peerTook []time.Duration
	ownStart, peerStart := own.CPU(b), peer.CPU(b)
	for b.Loop() {
		ownTook = append(ownTook, scrape(b, ownURL))
		peerTook = append(peerTook, scrape(b, peerURL))
	}
	ours := (own.CPU(b) - ownStart).Seconds() * 1000 / float64(b.N)
	theirs := (peer.CPU(b) - peerStart).Seconds() * 1000 / float64(b.N)
	b.ReportMetric(ours, "cpu-ms/scrape")
	b.ReportMetric(theirs, "node_exporter-cpu-ms/scrape")
	b.ReportMetric(ours/theirs, "ratio")
	b.ReportMetric(slowest(ownTook)/slowest(peerTook), "p99-ratio")
	b.ReportMetric(0, "ns/op")
}

// slowest is the time, in seconds, that 99 of 100 did not take.
func slowest(took []time.Duration) float64 {
	slices.Sort(took)
	return took[len(took)*99/100].Seconds()
}

func scrape(b *testing.B, url string) time.Duration {
	b.Helper()
	began := time.Now()
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
	n, err := io.Copy(io.Discard, response.Body)
	if err != nil || response.StatusCode != http.StatusOK || response.Header.Get("Content-Encoding") != "gzip" || n < 1000 {
		b.Fatalf("%s: %s, %d bytes, %v", url, response.Status, n, err)
	}
	return time.Since(began)
}
