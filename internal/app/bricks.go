package app

import (
	"fmt"
	"log/slog"
	"maps"
	"time"

	"tocsin/bricks"
	"tocsin/exporters/brick"
	"tocsin/internal/config"
	"tocsin/internal/frame"
)

// brickTimeout is what the scrape of a brick may take at most.
const brickTimeout = 30 * time.Second

// brickTargets makes a target of each service of the site.
func brickTargets(site *config.Site, log *slog.Logger) ([]*frame.Target, error) {
	var targets []*frame.Target
	for i, b := range site.AllBricks() {
		t, err := brickTarget(site, &site.Bricks[i], b, log)
		if err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	return targets, nil
}

// brickTarget is one service, asked as its kind says.
func brickTarget(site *config.Site, cfg *config.Brick, b bricks.Brick, log *slog.Logger) (*frame.Target, error) {
	kind, ok := bricks.Find(site.Kinds(), b.Kind)
	if !ok {
		return nil, fmt.Errorf("brick %s: there is no kind %s", b.Name, b.Kind)
	}
	entries, err := brick.New(b, kind, brick.Options{})
	if err != nil {
		return nil, err
	}
	l := labels(site, b.On)
	maps.Copy(l, b.Labels)
	l["brick"], l["kind"] = b.Name, b.Kind
	interval := time.Duration(site.Intervals.Brick)
	spec := frame.Spec{
		Job: cfg.Job, ID: b.Name, Instance: cfg.Instance, Labels: l,
		Interval: interval, Timeout: min(share(interval), brickTimeout), Collectors: entries,
	}
	return frame.NewTarget(spec, log), nil
}
