package updatewatch

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/updatewatch/forge/forgetest"

	"tocsin/internal/testenv"
)

// busy is the processor time that the process has used.
func busy(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// maxShare of a processor that 500 projects may take, asked hourly.
const maxShare = 0.01

// Three hours of 500 projects at ten hosts, their releases in feeds of ten; a
// hundred of them release something in that time. The clock is the bubble's,
// the work is real: requests, parsing, judging, and the state on disk.
func TestWatcher_costOf500Projects(t *testing.T) {
	if testing.Short() || raced {
		testenv.Skip(t, "takes some seconds, and tells nothing under the race detector")
	}
	const hours = 2
	synctest.Test(t, func(t *testing.T) {
		hosts := map[string]*forgetest.Server{}
		var cfg Config
		body := strings.Repeat("A line of what has changed, as long as they are.\n", 40)
		for i := range 500 {
			host := fmt.Sprintf("git%d.example", i%10)
			if hosts[host] == nil {
				hosts[host] = forgetest.Offline("https://" + host)
			}
			name := fmt.Sprintf("p%d", i)
			for j := range 10 {
				hosts[host].Publish("ville/"+name, forgetest.Release{Tag: fmt.Sprintf("v1.0.%d", j), Body: body, At: time.Now()})
			}
			cfg.Projects = append(cfg.Projects, Project{Name: name, Gitea: "https://" + host + "/ville/" + name, Deployed: "1.0.9"})
		}
		cfg.SetDefaults()
		s := &site{t: t, cfg: cfg, file: filepath.Join(t.TempDir(), "updates.json"), runs: map[string]string{}}
		o := s.options()
		o.Transport = byHost(hosts)
		w, err := New(cfg, o)
		if err != nil {
			t.Fatal(err)
		}
		s.run(w)
		s.after(time.Hour) // the first look is over

		began, before, asked := time.Now(), busy(t), requests(hosts, 0)
		said := 0
		for i := range hours {
			for j := range 100 / hours {
				n := i*100/hours + j
				hosts[fmt.Sprintf("git%d.example", n%10)].Publish(fmt.Sprintf("ville/p%d", n), forgetest.Release{Tag: "v1.0.10", Body: body, At: time.Now()})
			}
			said += len(s.after(time.Hour))
		}
		said += len(s.after(90 * time.Minute))
		s.stop()
		used := busy(t) - before
		all, full := requests(hosts, 0)-asked, requests(hosts, http.StatusOK)-500
		lasted := time.Since(began) // of the bubble's clock
		share := used.Seconds() / lasted.Seconds()
		t.Logf("500 projects over %s: %d requests, %d of them with content, %d messages, %s of processor time (the forge's own included): %.3f %% of a core",
			lasted, all, full, said, used.Round(time.Millisecond), 100*share)
		if share > maxShare {
			t.Errorf("%.2f %% of a core", 100*share)
		}
		if said != 100 || full > 150 {
			t.Errorf("%d messages, %d answers with content", said, full)
		}
	})
}

type byHost map[string]*forgetest.Server

// RoundTrip implements http.RoundTripper.
func (h byHost) RoundTrip(r *http.Request) (*http.Response, error) { return h[r.URL.Host].RoundTrip(r) }

// requests counts those that were answered with a status; 0 counts all.
func requests(hosts map[string]*forgetest.Server, status int) int {
	n := 0
	for _, h := range hosts {
		for _, r := range h.Requests() {
			if status == 0 || r.Status == status {
				n++
			}
		}
	}
	return n
}
