package app

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"tocsin/internal/testenv"
)

// A service is on its page, in the list for other Prometheus, in the engine;
// when it dies, an alert says so with the reason, and ends when it is back.
func TestBricks_fromTheServiceToTheAlert(t *testing.T) {
	t.Parallel() // it waits most of the time
	port := testenv.Port(t)
	redis := testenv.Redis(t, port)
	web := testenv.Port(t)
	testenv.Nginx(t, fmt.Sprintf(`server { listen 127.0.0.1:%d; location / { return 200 "Bonjour"; } }`, web))
	in := newInstance(t, "hub", fmt.Sprintf(`
intervals: {brick: 1s, probe: 2s, probe_retry: 2s}
alerts: {rules: {BrickDown: {for: 3s}}}
bricks:
  - {kind: redis, name: cache, url: "redis://127.0.0.1:%d", labels: {level: sensible}}
  - {kind: website, name: portail, url: "http://127.0.0.1:%d/", needs: [brick/cache]}
`, port, web))
	in.start()
	page := func() string { return in.get("/metrics/brick/cache") }
	if text := page(); !contains(text, "\nbrick_up 1\n", "\nredis_connected_clients 1\n", `brick_version_info{version="7.`, `brick_request_success{request="info"} 1`) {
		t.Errorf("the page of Redis:\n%s", text)
	}
	if text := in.get("/metrics/brick/portail"); !contains(text, "\nbrick_up 1\n", `brick_needs_info{needs="brick/cache"} 1`, "\nwebsite_page_bytes 7\n") {
		t.Errorf("the page of the site:\n%s", text)
	}
	if text := in.get("/sd"); !contains(text, `"kind": "redis"`, `"brick": "cache"`, `"level": "sensible"`, `"/metrics/brick/cache"`) && !contains(text, `"kind":"redis"`, `"brick":"cache"`, `"level":"sensible"`) {
		t.Errorf("the list of targets:\n%s", text)
	}
	query := func(q string) func() string {
		return func() string { return in.get("/api/v1/query?query=" + url.QueryEscape(q)) }
	}
	known := query(`{__name__=~"brick_up|probe_success|ALERTS"}`)
	eventually(t, 30*time.Second, "the engine knows both bricks and the probe of the site", known, func() bool {
		return contains(known(), `"brick":"cache"`, `"brick":"portail"`, `"__name__":"probe_success"`)
	})
	redis.Kill()
	alerts := func() string { return in.get("/api/v1/alerts") }
	took := eventually(t, 40*time.Second, "BrickDown rings", alerts, func() bool {
		return contains(alerts(), `"alertname":"BrickDown"`, `"state":"firing"`, `"instance":"cache"`, "the connection is refused")
	})
	t.Logf("it rang %s after Redis was killed", took)
	if text := in.get("/"); !contains(text, `id="bricks"`, "1 of 2 fine", `<bdi>cache</bdi><br><span class="soft small"><bdi>redis</bdi>`, "down</span>") {
		t.Errorf("the status page:\n%s", text)
	}
	testenv.Redis(t, port)
	eventually(t, 40*time.Second, "BrickDown ends", alerts, func() bool { return !contains(alerts(), `"alertname":"BrickDown"`) })
}
