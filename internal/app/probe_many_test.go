package app

import (
	"bufio"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/internal/testenv"
	"tocsin/probes/probetest"
)

// BenchmarkProbes_fiveThousand has a plain Tocsin look at 5,000 pages of a real
// nginx over TLS, each every 30 s, and at 100 servers more that never answer;
// then it is asked for all its pages, as a Prometheus would. It reports what
// that takes of a processor and of memory, and how evenly the looks come, by
// nginx's own log.
func BenchmarkProbes_fiveThousand(b *testing.B) {
	const many, slow, window = 5000, 100, 60 * time.Second
	root := probetest.NewAuthority(b, probetest.Spec{Name: "Root"})
	base, log := nginx(b, root)
	var site strings.Builder
	fmt.Fprint(&site, "engine: off\nprobes:\n")
	ca := probetest.WritePEM(b, root)
	for i := range many {
		fmt.Fprintf(&site, "  - {target: \"%s/%d\", ca_file: %q}\n", base, i, ca)
	}
	hung := probetest.TCP(b, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) })
	for i := range slow {
		fmt.Fprintf(&site, "  - {target: \"tcp://%s\", name: slow%d, instance: slow%d, tcp: {query_response: [{expect: never}]}}\n", hung, i, i)
	}
	in := newInstance(b, "plain", site.String())
	in.start()
	time.Sleep(330 * time.Second) // each has as many looks as are remembered
	for b.Loop() {
		began, cpu := time.Now(), in.process.CPU(b)
		time.Sleep(window)
		used := in.process.CPU(b) - cpu
		mean, deviation := starts(b, log, began, window)
		b.ReportMetric(100*used.Seconds()/window.Seconds(), "%core")
		b.ReportMetric(mean, "looks/s")
		b.ReportMetric(100*deviation/mean, "%deviation")
		b.Logf("resident memory %d kB; one core %.1f %%; %.0f looks a second, standard deviation %.1f (by chance %.1f)",
			memoryOf(b, in.process)["VmRSS"], 100*used.Seconds()/window.Seconds(), mean, deviation, math.Sqrt(mean))
	}
	b.ReportMetric(0, "ns/op")
}

// nginx serves a page for every path over TLS, and returns its address and its
// log, which has the second of each request.
func nginx(b *testing.B, root *probetest.Authority) (base, log string) {
	b.Helper()
	program := testenv.Program(b, "nginx", "nginx-light")
	cert, key := probetest.WritePair(b, root.Leaf(b, probetest.Spec{}))
	dir, port := b.TempDir(), testenv.Port(b)
	log = filepath.Join(dir, "access.log")
	conf := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(`daemon off; pid %[1]s/pid; error_log stderr crit; worker_processes 1;
events { worker_connections 2048; }
http {
  log_format when "$msec"; access_log %[1]s/access.log when;
  client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
  server { listen 127.0.0.1:%[2]d ssl; ssl_certificate %[3]s; ssl_certificate_key %[4]s; location / { return 200 "bienvenue"; } }
}`, dir, port, cert, key)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	testenv.Start(b, program, "-c", conf, "-p", dir)
	address := fmt.Sprintf("127.0.0.1:%d", port)
	testenv.WaitHTTP(b, "https://"+address+"/")
	return "https://" + address, log
}

// starts reads from nginx's log how many requests a second came, and their
// standard deviation.
func starts(b *testing.B, log string, from time.Time, window time.Duration) (mean, deviation float64) {
	b.Helper()
	f, err := os.Open(log)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	seconds := make([]float64, int(window.Seconds()))
	for lines := bufio.NewScanner(f); lines.Scan(); {
		at, err := strconv.ParseFloat(lines.Text(), 64)
		if err != nil {
			b.Fatal(err)
		}
		if i := int(math.Floor(at - float64(from.UnixMilli())/1000)); i >= 0 && i < len(seconds) {
			seconds[i]++
		}
	}
	for _, n := range seconds {
		mean += n / float64(len(seconds))
	}
	for _, n := range seconds {
		deviation += (n - mean) * (n - mean) / float64(len(seconds))
	}
	return mean, math.Sqrt(deviation)
}
