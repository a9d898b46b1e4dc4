package app

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"tocsin/alerts/mattermost/mattermosttest"
	"tocsin/internal/testenv"
	"tocsin/updatewatch/forge/forgetest"
)

// town is a site with something in every room: nginx behind HTTPS, Redis, a
// tenant of w.c.s. in PostgreSQL, and a forge where upstream releases.
type town struct {
	t     *testing.T
	dir   string
	ca    *authority
	nginx *testenv.Process
	port  int // of Redis
	redis *testenv.Process
	db    *testenv.Cluster
	forge *forgetest.Server
	chat  channel
	hub   *instance
}

func newTown(t *testing.T) *town {
	t.Helper()
	w := &town{t: t, dir: t.TempDir(), port: testenv.Port(t), forge: forgetest.New(t), chat: channel{mattermosttest.New(t)}}
	if err := os.Chmod(w.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w.ca = newAuthority(t, w.dir)
	w.ca.issue(t, w.dir, 60*24*time.Hour)
	w.deploy("9.12")
	web := testenv.Port(t)
	w.nginx = testenv.Nginx(t, fmt.Sprintf(`server {
	listen 127.0.0.1:%d ssl;
	server_name localhost;
	ssl_certificate %[2]s/cert.pem;
	ssl_certificate_key %[2]s/key.pem;
	location = /__version__ { default_type application/json; alias %[2]s/version.json; }
	location / { return 200 "Bonjour"; }
}`, web, w.dir))
	w.redis = testenv.Redis(t, w.port)
	w.db = testenv.Postgres(t)
	tables, err := os.ReadFile("../../exporters/brick/testdata/wcs.sql")
	if err != nil {
		t.Fatal(err)
	}
	w.db.Exec(t, "postgres", "CREATE DATABASE wcs", "CREATE ROLE tocsin LOGIN")
	w.db.Exec(t, "wcs", string(tables))
	w.cron(0)
	w.forge.Publish("ville/wcs", forgetest.Release{Tag: "v9.12", At: time.Now()})
	w.hub = newInstance(t, "hub", fmt.Sprintf(`site: ville
host: {collectors: {only: [filesystem]}, mount_points: {include: '^/$'}}
intervals: {brick: 5s, probe: 5s}
bricks:
  - kind: wcs
    name: demarches
    url: https://localhost:%[1]d
    ca_file: %[2]s
    requests: {sql: {url: "%[3]s", interval: 5s}, versions: {interval: 5s}, uwsgi: {off: true}}
  - {kind: redis, name: cache, url: "redis://127.0.0.1:%[4]d"}
updates:
  interval: 1m
  projects: [{name: wcs, gitea: "%[5]s/ville/wcs", deployed_from: brick/demarches}]
alerts: {mattermost: {url: "%[6]s", token: %[7]s, channel: %[8]s/%[9]s}}
`, web, w.ca.file, w.db.DSN("tocsin", "wcs"), w.port, w.forge.URL, w.chat.URL, w.chat.Token, w.chat.Team, w.chat.Channel))
	return w
}

// cron says for how long the tenant's cron has been at work.
func (w *town) cron(hours int) {
	w.t.Helper()
	w.db.Exec(w.t, "wcs", `INSERT INTO wcs_meta VALUES ('cron-status-demarches.ville.example', 'running', now(), now() - interval '1 hour' * `+fmt.Sprint(hours)+`)
		ON CONFLICT (key) DO UPDATE SET updated_at = excluded.updated_at`)
}

// deploy says which version of w.c.s. runs.
func (w *town) deploy(version string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, "version.json"), fmt.Appendf(nil, `{"wcs": %q}`, version), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// certificate gives nginx a new one that ends in d.
func (w *town) certificate(d time.Duration) {
	w.t.Helper()
	w.ca.issue(w.t, w.dir, d)
	if err := w.nginx.Signal(syscall.SIGHUP); err != nil {
		w.t.Fatal(err)
	}
}

// TestDrill_allRooms breaks one thing in each room, and mends it: a service
// that dies, an application whose work stalls, a certificate near its end, a
// release that waits. Each is told in one post, in words of its own, and each
// post turns green once its trouble is mended; the hub is killed in between.
func TestDrill_allRooms(t *testing.T) {
	if testing.Short() {
		testenv.Skip(t, "a drill of some minutes: run without -short")
	}
	t.Parallel() // it waits most of the time
	w := newTown(t)
	w.hub.start()
	w.chat.red(t, 2*time.Minute, "Releases of 1 projects are followed")
	if n := len(w.chat.Posts()); n != 1 {
		t.Fatalf("%d posts on a site that is well, want the summary of releases alone:\n%s", n, w.chat.known())
	}

	w.redis.Kill()
	w.cron(6)
	w.certificate(3 * 24 * time.Hour)
	w.forge.Publish("ville/wcs", forgetest.Release{Tag: "v9.13", Body: "Fixes CVE-2026-12345", At: time.Now()})
	dead := w.chat.red(t, 2*time.Minute, "cache is down", "the connection is refused")
	stalled := w.chat.red(t, 2*time.Minute, "The cron of demarches.ville.example (demarches) has been at work for 6.0 hours", "End that process", "cron-logs")
	expires := w.chat.red(t, 2*time.Minute, "certificate", "https://localhost:", "expires in 3.0 days")
	release := w.chat.red(t, 2*time.Minute, "wcs: 9.13 is out, demarches runs 9.12", "CVE-2026-12345")
	w.picture("drill.html")

	// Killed while all of it is told; a further release meanwhile is no second
	// post.
	w.hub.process.Kill()
	testenv.Redis(t, w.port)
	w.cron(0)
	w.forge.Publish("ville/wcs", forgetest.Release{Tag: "v9.14", At: time.Now()})
	w.hub.start()
	w.chat.green(t, 2*time.Minute, dead.ID)
	w.chat.green(t, 2*time.Minute, stalled.ID)
	w.certificate(60 * 24 * time.Hour)
	w.chat.green(t, 2*time.Minute, expires.ID)
	if again := w.chat.red(t, 2*time.Minute, "wcs: 9.14 is out, demarches runs 9.12 (security)"); again.ID != release.ID {
		t.Errorf("the further release has a post of its own:\n%s", w.chat.known())
	}
	w.deploy("9.14")
	w.chat.green(t, 3*time.Minute, release.ID)

	if n := len(w.chat.Posts()); n != 5 {
		t.Errorf("%d posts in the end, want the summary and four, each said once:\n%s", n, w.chat.known())
	}
	if unknown := w.chat.Unknown(); len(unknown) > 0 {
		t.Errorf("asked of Mattermost what it does not have: %v", unknown)
	}
	t.Log("\n" + w.chat.known())
}

// picture keeps the status page as it is now, for who wants to look at it.
func (w *town) picture(name string) {
	if dir := os.Getenv("TOCSIN_TEST_PAGES"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(w.hub.get("/")), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
}
