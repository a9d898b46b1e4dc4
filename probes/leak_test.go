package probes

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/testenv"
	"tocsin/probes/httpprobe"
	"tocsin/probes/probetest"
	"tocsin/probes/tlscheck"
)

// TestLooks_leaveNothingBehind looks many times at what is well and at what is
// not: no goroutine and no descriptor may stay.
func TestLooks_leaveNothingBehind(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	cert := root.Leaf(t, probetest.Spec{})
	ca := probetest.WritePEM(t, root)
	targets := map[string]bool{
		probetest.HTTPS(t, cert, ok).URL: true,
		probetest.HTTP(t, ok).URL:        true,
		probetest.HTTPS(t, root.Leaf(t, probetest.Spec{NotAfter: time.Now().Add(-day)}), ok).URL:                        false,
		"https://" + probetest.TCP(t, probetest.Hang):                                                                   false,
		"https://" + probetest.TLS(t, cert, probetest.Hang):                                                             false,
		"https://" + probetest.TLS(t, cert, probetest.Reset):                                                            false,
		fmt.Sprintf("https://127.0.0.1:%d", testenv.Port(t)):                                                            false,
		serve3(t, cert, ok) + "/3":                                                                                      true,
		serve3(t, root.Leaf(t, probetest.Spec{NotAfter: time.Now().Add(-day)}), ok) + "/3":                              false,
		serve3(t, cert, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })) + "/3": false,
		fmt.Sprintf("https://127.0.0.1:%d/3", testenv.Port(t)):                                                          false,
	}
	round := func() {
		for target, well := range targets {
			r, _ := look(t, Config{
				Target: target, Timeout: model.Duration(200 * time.Millisecond), TLS: tlscheck.Config{CAFile: ca},
				HTTP: httpprobe.Config{HTTP3: strings.HasSuffix(target, "/3")},
			}, Options{})
			if well && !r.Success && r.Reason != "timeout" { // a busy machine may be slow
				t.Fatal(r.Explain())
			}
		}
	}
	round() // what lives as long as the process is made now
	goroutines, descriptors := count(t)
	for range 10 {
		round()
	}
	testenv.Eventually(t, 10*time.Second, "all is cleared away", func(context.Context) error {
		g, d := count(t)
		if g > goroutines+3 || d > descriptors+3 {
			return fmt.Errorf("%d goroutines and %d descriptors, before it was %d and %d", g, d, goroutines, descriptors)
		}
		return nil
	})
}

func count(t *testing.T) (goroutines, descriptors int) {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return runtime.NumGoroutine(), len(open)
}

// TestFamilies_fallBack has a name with an IPv6 address where nothing listens,
// and an IPv4 address where all is well.
func TestFamilies_fallBack(t *testing.T) {
	server := probetest.HTTP(t, ok)
	both := func(ctx, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}, nil
	}
	target := strings.Replace(server.URL, "127.0.0.1", "portail.example", 1)
	r, page := look(t, Config{Target: target}, Options{Lookup: both})
	wantReason(t, r, page, "", "")
	page.wants(t, "probe_ip_protocol", 4)
	told := ""
	for _, s := range r.Steps {
		told += s.Text + "\n"
	}
	for _, want := range []string{"portail.example is ::1, 127.0.0.1", "answered (IPv4); ::1 did not: "} {
		if !strings.Contains(told, want) {
			t.Errorf("the account does not say %q:\n%s", want, told)
		}
	}
	r, page = look(t, Config{Target: target, IPVersion: 6}, Options{Lookup: both})
	if r.Success {
		t.Error("IPv6 alone was to fail")
	}
	page.wants(t, "probe_ip_protocol", 6)
}
