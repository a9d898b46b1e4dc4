package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"tocsin/internal/frame"
	"tocsin/internal/testenv"
	"tocsin/internal/web/access"
)

// TestPrometheus_fourLinesAreEnough lets a real Prometheus find and scrape all
// that a server measures, over TLS and with a password.
func TestPrometheus_fourLinesAreEnough(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	authority := issue(t, "authority", nil)
	authority.save(t, file("ca.pem"), file("ca.key"))
	issue(t, "server", authority).save(t, file("cert.pem"), file("key.pem"))
	hash, err := bcrypt.GenerateFromPassword([]byte("word"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file("users"), []byte("basic_auth_users:\n  scraper: "+string(hash)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := time.Second
	hung := collector{name: "hung", collect: func(context.Context, *frame.Sink) error { <-t.Context().Done(); return nil }}
	fast := func(job, id, instance string, openMetrics bool, c ...collector) *frame.Target {
		spec := frame.Spec{
			Job: job, ID: id, Instance: instance, Interval: second, Timeout: second, OpenMetrics: openMetrics,
			Labels: map[string]string{"host": "host1"},
		}
		for _, c := range c {
			spec.Collectors = append(spec.Collectors, frame.Entry{Collector: c})
		}
		return frame.NewTarget(spec, quiet())
	}
	s := newSite(t, View{
		Access: newAccess(t, access.Options{Config: access.Config{
			TLS: access.TLS{CertFile: file("cert.pem"), KeyFile: file("key.pem")}, UsersFile: file("users"),
		}}),
		Node: fast("node", "host1", "host1", false, constant("time", "node_time_seconds", 17), hung),
		Targets: []*frame.Target{
			fast("brick", "pad", "pad", true, constant("pad", "brick_up", 1, "odd", "a\"b\\c\nd<é>")),
		},
	})
	address, _ := s.serve(t)

	prometheus := testenv.Prometheus(t, fmt.Sprintf(`
scrape_configs:
  - job_name: tocsin
    basic_auth: {username: scraper, password: word}
    tls_config: {ca_file: %[2]s}
    http_sd_configs:
      - url: https://%[1]s/sd
        refresh_interval: 1s
        basic_auth: {username: scraper, password: word}
        tls_config: {ca_file: %[2]s}
`, address, file("ca.pem")))

	testenv.Eventually(t, 30*time.Second, "Prometheus scrapes both targets", func(ctx context.Context) error {
		var targets struct {
			Data struct {
				ActiveTargets []struct {
					Labels                     map[string]string
					Health, LastError          string
					ScrapeURL                  string
					ScrapeInterval, ScrapePool string
				}
			}
		}
		if err := fetch(ctx, prometheus+"/api/v1/targets", &targets); err != nil {
			return err
		}
		if n := len(targets.Data.ActiveTargets); n != 2 {
			return fmt.Errorf("%d targets", n)
		}
		for _, a := range targets.Data.ActiveTargets {
			if a.Health != "up" || a.ScrapeInterval != "1s" || a.Labels["host"] != "host1" {
				return fmt.Errorf("target %+v", a)
			}
		}
		return nil
	})
	for query, want := range map[string]string{
		`node_time_seconds{job="node",instance="host1"}`:                                   "17",
		`brick_up{job="brick",instance="pad",odd="a\"b\\c\nd<é>"}`:                         "1",
		`tocsin_collector_success{job="node",collector="hung"}`:                            "0",
		`count(up{job=~"node|brick",host="host1"} == 1)`:                                   "2",
		`sum(tocsin_http_requests_total{job="node",route="target",code="200"}) > bool 0`:   "1",
		`count({__name__=~"go_.+|tocsin_.+",job="brick",__name__!~"tocsin_collector_.+"})`: "",
	} {
		testenv.Eventually(t, 20*time.Second, query, func(ctx context.Context) error {
			var answer struct {
				Data struct{ Result []struct{ Value [2]any } }
			}
			if err := fetch(ctx, prometheus+"/api/v1/query?query="+url.QueryEscape(query), &answer); err != nil {
				return err
			}
			got := ""
			if len(answer.Data.Result) > 0 {
				got = fmt.Sprint(answer.Data.Result[0].Value[1])
			}
			if got != want {
				return fmt.Errorf("got %q, want %q", got, want)
			}
			return nil
		})
	}
}

func fetch(ctx context.Context, address string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", response.Status, body)
	}
	return json.Unmarshal(body, into)
}
