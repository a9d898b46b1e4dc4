package brick

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/bricks"
	"tocsin/internal/secret"
	"tocsin/internal/testenv"
)

func TestNginx_real(t *testing.T) {
	port := testenv.Port(t)
	nginx := testenv.Nginx(t, fmt.Sprintf(`server { listen 127.0.0.1:%d;
		location = /basic_status { stub_status; }
		location = /refused { deny all; }
		location = /page { return 200 "Bonjour"; } }`, port))
	at := fmt.Sprintf("http://127.0.0.1:%d", port)
	k := find(t, "nginx")

	p := everything(t, bricks.Brick{Name: "web", URL: at + "/basic_status", Needs: []string{"postgres/main"}}, k)
	p.up(t, "")
	p.complete(t)
	p.has(t, map[string]float64{
		"nginx_up": 1, "nginx_connections_active": 1, "nginx_http_requests_total": 1, "nginx_connections_writing": 1,
		"brick_needs_info{needs=postgres/main}": 1, "brick_request_success{request=status}": 1,
	})
	if !strings.Contains(fmt.Sprint(p.values), "brick_version_info{version=1.2") {
		t.Errorf("no version: %v", p.values)
	}
	for path, reason := range map[string]string{"/refused": "denied", "/nowhere": "status", "/page": "unparsable"} {
		everything(t, bricks.Brick{Name: "web", URL: at + path}, k).up(t, reason)
	}
	site := everything(t, bricks.Brick{Name: "site", URL: at + "/page"}, find(t, "website"))
	site.up(t, "")
	site.has(t, map[string]float64{"website_page_bytes": 7})
	nginx.Stop()
	everything(t, bricks.Brick{Name: "web", URL: at + "/basic_status"}, k).up(t, "refused")
}

func TestRedis_real(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "redis.sock")
	port := testenv.Port(t)
	server := testenv.Redis(t, port, "--unixsocket", socket)
	k := find(t, "redis")
	b := bricks.Brick{Name: "cache", URL: fmt.Sprintf("redis://127.0.0.1:%d", port)}
	p := everything(t, b, k)
	p.up(t, "")
	p.complete(t)
	p.has(t, map[string]float64{
		"redis_up": 1, "redis_connected_clients": 1, "redis_config_maxclients": 10000, "redis_rdb_last_bgsave_status": 1,
		"redis_slowlog_length": 0, "redis_loading_dump_file": 0, "redis_commands_total{cmd=ping}": 1,
	})
	if start := p.values["brick_start_time_seconds"]; time.Since(time.Unix(int64(start), 0)).Abs() > time.Minute {
		t.Errorf("it started at %v", start)
	}
	everything(t, bricks.Brick{Name: "cache", URL: "unix://" + socket}, k).up(t, "")
	everything(t, bricks.Brick{Name: "cache", URL: "unix://" + socket + ".none"}, k).up(t, "refused")
	everything(t, bricks.Brick{Name: "site", URL: fmt.Sprintf("http://127.0.0.1:%d", port)}, find(t, "website")).up(t, "reset")
	server.Stop()
	everything(t, b, k).up(t, "refused")
}

func TestRedis_passwordAndRights(t *testing.T) {
	port := testenv.Port(t)
	testenv.Redis(t, port, "--requirepass", "hunter2hunter2", "--user", "tocsin", "on", ">s3cret-s3cret", "-@all", "+ping", "+info",
		"--user", "nobody", "on", ">s3cret-s3cret", "-@all", "+ping")
	k := find(t, "redis")
	brick := func(a bricks.Access) bricks.Brick {
		return bricks.Brick{Name: "cache", URL: fmt.Sprintf("redis://127.0.0.1:%d", port), Requests: map[string]bricks.Access{"info": a}}
	}
	everything(t, brick(bricks.Access{}), k).up(t, "denied")
	everything(t, brick(bricks.Access{Password: secret.Source{Value: secret.New("wrong")}}), k).up(t, "denied")
	everything(t, brick(bricks.Access{Password: secret.Source{Value: secret.New("hunter2hunter2")}}), k).up(t, "")
	everything(t, brick(bricks.Access{Password: secret.Source{File: filepath.Join(t.TempDir(), "none")}}), k).up(t, "credentials")
	least := everything(t, brick(bricks.Access{Username: "tocsin", Password: secret.Source{Value: secret.New("s3cret-s3cret")}}), k)
	least.up(t, "")
	if _, ok := least.values["redis_slowlog_length"]; ok {
		t.Error("the slow log is told to a user who may not ask for it")
	}
	p := everything(t, brick(bricks.Access{Username: "nobody", Password: secret.Source{Value: secret.New("s3cret-s3cret")}}), k)
	p.up(t, "denied")
	if strings.Contains(p.words, "s3cret") {
		t.Errorf("the password is in the words: %s", p.words)
	}
}

func TestPrometheus_real(t *testing.T) {
	at := testenv.Prometheus(t, "global: {scrape_interval: 1s}\nscrape_configs: []\n")
	p := everything(t, bricks.Brick{Name: "old", URL: at}, find(t, "prometheus"))
	p.up(t, "")
	p.complete(t)
	p.has(t, map[string]float64{"prometheus_config_last_reload_successful": 1})
	histograms := 0
	for _, mf := range p.families {
		for _, m := range mf.Metric {
			if h := m.GetHistogram(); h != nil && len(h.Bucket) > 5 {
				histograms++
			}
		}
		if strings.HasPrefix(mf.GetName(), "go_") {
			t.Errorf("%s was not to be passed on", mf.GetName())
		}
	}
	if histograms == 0 || !strings.Contains(fmt.Sprint(p.values), "brick_version_info{version=2.") || p.values["brick_start_time_seconds"] == 0 {
		t.Errorf("%d histograms; %v", histograms, p.values)
	}
}

func TestUWSGI_real(t *testing.T) {
	program := testenv.Program(t, "uwsgi-core", "uwsgi-core")
	dir := t.TempDir()
	socket := filepath.Join(dir, "stats.sock")
	server := testenv.Start(t, program, "--master", "--processes", "2", "--plugins-dir", "/usr/lib/uwsgi/plugins",
		"--socket", filepath.Join(dir, "app.sock"), "--stats", socket)
	t.Cleanup(func() { _ = server.Signal(syscall.SIGINT) }) // SIGTERM would reload it
	testenv.Eventually(t, 10*time.Second, "the stats socket is there", func(context.Context) error {
		_, err := os.Stat(socket)
		return err
	})
	k := find(t, "wcs")
	robots := testenv.Port(t)
	testenv.Nginx(t, fmt.Sprintf(`server { listen 127.0.0.1:%d; location = /robots.txt { return 200 "ok"; } location = /__version__ { return 200 '{"wcs":"9.12"}'; } }`, robots))
	p := everything(t, bricks.Brick{
		Name: "demarches", URL: fmt.Sprintf("http://127.0.0.1:%d", robots),
		Requests: map[string]bricks.Access{"uwsgi": {URL: "unix://" + socket}},
	}, k)
	p.up(t, "")
	p.complete(t)
	p.has(t, map[string]float64{
		"uwsgi_workers": 2, "uwsgi_listen_queue_length": 0, "uwsgi_worker_requests_total{worker_id=1}": 0,
		"brick_version_info{version=9.12}": 1,
	})
}
