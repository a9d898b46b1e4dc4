package app

import (
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"time"

	"tocsin/exporters/postgres"
	"tocsin/exporters/rabbitmq"
	"tocsin/internal/config"
	"tocsin/internal/frame"
)

// serverTimeout is what the scrape of a server may take at most.
const serverTimeout = 10 * time.Second

// A measured server is a target that goes on over a reload that does not touch
// it, with its connection and with what it knows.
type measured struct {
	cfg    any // its entry in the site file
	target *frame.Target
}

// servers makes a target of each PostgreSQL server and each broker of the site.
func servers(site *config.Site, old *generation, log *slog.Logger) ([]measured, error) {
	var all []measured
	for _, cfg := range site.Postgres {
		t := old.unchangedServer(site, cfg)
		if t == nil {
			var err error
			if t, err = postgresTarget(site, cfg, log); err != nil {
				return nil, fmt.Errorf("postgres %s: %w", cfg.Name, err)
			}
		}
		all = append(all, measured{cfg, t})
	}
	for _, cfg := range site.RabbitMQ {
		t := old.unchangedServer(site, cfg)
		if t == nil {
			var err error
			if t, err = rabbitTarget(site, cfg, log); err != nil {
				return nil, fmt.Errorf("rabbitmq %s: %w", cfg.Name, err)
			}
		}
		all = append(all, measured{cfg, t})
	}
	return all, nil
}

func postgresTarget(site *config.Site, cfg config.Postgres, log *slog.Logger) (*frame.Target, error) {
	entries, err := postgres.New(cfg.Config)
	if err != nil {
		return nil, err
	}
	spec := serverSpec(site, cfg.Common, cfg.Name, cfg.Local(), time.Duration(site.Intervals.Postgres))
	spec.Collectors, spec.Serial, spec.Alias = entries, true, "pg_scrape_collector"
	return frame.NewTarget(spec, log), nil
}

func rabbitTarget(site *config.Site, cfg config.RabbitMQ, log *slog.Logger) (*frame.Target, error) {
	interval := time.Duration(site.Intervals.RabbitMQ)
	entries, err := rabbitmq.New(cfg.Config, rabbitmq.Options{Interval: interval})
	if err != nil {
		return nil, err
	}
	spec := serverSpec(site, cfg.Common, cfg.Name, cfg.Local(), interval)
	spec.Collectors = entries
	return frame.NewTarget(spec, log), nil
}

// serverSpec is what the targets of servers have in common. One that is not on
// this machine runs where the site does not say.
func serverSpec(site *config.Site, cfg config.Common, name string, local bool, interval time.Duration) frame.Spec {
	runsOn := ""
	if local {
		runsOn = site.HostName()
	}
	l := labels(site, runsOn)
	maps.Copy(l, cfg.Labels)
	return frame.Spec{
		Job: cfg.Job, ID: name, Instance: cfg.Instance, Labels: l,
		Interval: interval, Timeout: min(share(interval), serverTimeout),
	}
}

// unchangedServer returns the old target of a server, if nothing about it
// changed.
func (g *generation) unchangedServer(site *config.Site, cfg any) *frame.Target {
	if g == nil || g.site.Intervals != site.Intervals || !maps.Equal(g.site.Labels, site.Labels) {
		return nil
	}
	for _, s := range g.servers {
		if reflect.DeepEqual(s.cfg, cfg) {
			return s.target
		}
	}
	return nil
}
