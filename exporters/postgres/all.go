package postgres

import (
	"slices"

	"tocsin/exporters/postgres/depth"
	"tocsin/internal/frame"
)

// queries are all that are asked of a server in the database of its DSN, at
// each scrape.
var queries = []*query{
	locks,
}

// New returns the collectors of a server. They share its one connection: the
// target must run them one after another (frame.Spec.Serial). An error says
// what is wrong with the configuration; nothing is asked yet.
func New(cfg Config) ([]frame.Entry, error) {
	s, err := newServer(cfg)
	if err != nil {
		return nil, err
	}
	entries := []frame.Entry{{Collector: up{s}}}
	for _, q := range queries {
		if !q.onDemand {
			entries = append(entries, frame.Entry{Collector: collector{q, s}})
		}
	}
	inside, _ := depth.Collectors(cfg.Depth, source{s})
	own, err := cfg.queries(source{s})
	return slices.Concat(entries, inside, own), err
}

// Families lists all that a server's page may have.
func Families() []*frame.Family {
	all := []*frame.Family{upFamily}
	for _, q := range queries {
		all = append(all, q.families()...)
	}
	inside, onDemand := depth.Collectors(depth.Config{}, nil)
	for _, e := range slices.Concat(inside, onDemand) {
		all = append(all, e.Collector.Families()...)
	}
	return all
}
