package app

import (
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"time"

	"tocsin/exporters/rabbitmq"
	"tocsin/internal/config"
	"tocsin/internal/frame"
)

// rabbitTargets makes a target of each broker of the site.
func rabbitTargets(site *config.Site, old *generation, log *slog.Logger) ([]*frame.Target, error) {
	var targets []*frame.Target
	for i := range site.RabbitMQ {
		t := unchangedBroker(old, site, &site.RabbitMQ[i])
		if t == nil {
			var err error
			if t, err = rabbitTarget(site, &site.RabbitMQ[i], log); err != nil {
				return nil, err
			}
		}
		targets = append(targets, t)
	}
	return targets, nil
}

func rabbitTarget(site *config.Site, cfg *config.RabbitMQ, log *slog.Logger) (*frame.Target, error) {
	interval := time.Duration(site.Intervals.RabbitMQ)
	entries, err := rabbitmq.New(cfg.Config, rabbitmq.Options{Interval: interval})
	if err != nil {
		return nil, err
	}
	runsOn := ""
	if cfg.Local() {
		runsOn = site.HostName()
	}
	l := labels(site, runsOn)
	maps.Copy(l, cfg.Labels)
	spec := frame.Spec{
		Job: cfg.Job, ID: cfg.Name, Instance: cfg.Instance, Labels: l,
		Interval: interval, Timeout: share(interval), Collectors: entries,
	}
	return frame.NewTarget(spec, log), nil
}

// unchangedBroker returns the old target of a broker, if nothing about it
// changed: what it measured on a clock of its own stays on its page.
func unchangedBroker(old *generation, site *config.Site, cfg *config.RabbitMQ) *frame.Target {
	if old == nil || old.site.Intervals.RabbitMQ != site.Intervals.RabbitMQ || !maps.Equal(old.site.Labels, site.Labels) {
		return nil
	}
	if !slices.ContainsFunc(old.site.RabbitMQ, func(before config.RabbitMQ) bool { return reflect.DeepEqual(&before, cfg) }) {
		return nil
	}
	for _, t := range old.view.Targets {
		if s := t.Spec(); s.Job == cfg.Job && s.Instance == cfg.Instance {
			return t
		}
	}
	return nil
}
