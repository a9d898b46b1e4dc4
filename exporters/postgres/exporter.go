package postgres

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"time"

	"tocsin/internal/frame"
)

// What postgres_exporter tells of itself, as far as it is true of us: scrapes
// are those of this server, and the configuration is that of its target.
var (
	scrapesFamily = &frame.Family{Name: "pg_exporter_scrapes_total", Type: frame.Counter, Help: "How often this server was scraped."}
	tookFamily    = &frame.Family{Name: "pg_exporter_last_scrape_duration_seconds", Type: frame.Gauge, Help: "How long the newest scrape took."}
	failedFamily  = &frame.Family{Name: "pg_exporter_last_scrape_error", Type: frame.Gauge, Help: "Whether a part of the newest scrape failed."}
	buildFamily   = &frame.Family{
		Name: "postgres_exporter_build_info", Type: frame.Gauge, Labels: []string{"branch", "goarch", "goos", "goversion", "revision", "tags", "version"},
		Help: "The exporter is Tocsin; version is its own.",
	}
	loadedFamily   = &frame.Family{Name: "postgres_exporter_config_last_reload_success_timestamp_seconds", Type: frame.Gauge, Help: "When the server's part of the site file was last taken."}
	reloadedFamily = &frame.Family{Name: "postgres_exporter_config_last_reload_successful", Type: frame.Gauge, Help: "Always 1: a site file that cannot be taken changes nothing; see tocsin_config_last_reload_successful."}
)

// A pass is what is known of the scrape that is under way. Who has the server's
// turn may use it.
type pass struct {
	loaded  time.Time // when the server was taken into the configuration
	began   time.Time
	scrapes int
	failed  bool
}

func (p *pass) begin() {
	p.began, p.failed = time.Now(), false
	p.scrapes++
}

func (p *pass) note(err error) {
	if err != nil && !errors.Is(err, frame.ErrNoData) {
		p.failed = true
	}
}

// exporter tells of ourselves under postgres_exporter's names. It runs last.
type exporter struct{ server *server }

// Name implements frame.Collector.
func (exporter) Name() string { return "exporter" }

// Families implements frame.Collector.
func (exporter) Families() []*frame.Family {
	return []*frame.Family{scrapesFamily, tookFamily, failedFamily, buildFamily, loadedFamily, reloadedFamily}
}

// Collect implements frame.Collector.
func (e exporter) Collect(ctx context.Context, s *frame.Sink) error {
	select {
	case <-e.server.turn:
	case <-ctx.Done():
		return errBusy
	}
	p := e.server.pass
	e.server.turn <- struct{}{}
	s.Send(scrapesFamily, float64(p.scrapes))
	s.Send(tookFamily, time.Since(p.began).Seconds())
	failed := 0.0
	if p.failed {
		failed = 1
	}
	s.Send(failedFamily, failed)
	s.Send(loadedFamily, float64(p.loaded.Unix()))
	s.Send(reloadedFamily, 1)
	version, revision := "", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				revision = setting.Value
			}
		}
	}
	s.Send(buildFamily, 1, "", runtime.GOARCH, runtime.GOOS, runtime.Version(), revision, "unknown", version)
	return nil
}
