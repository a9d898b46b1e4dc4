package postgres

import (
	"slices"

	"tocsin/internal/frame"
)

// queries are all that are asked of a server in the database of its DSN, at
// each scrape.
func queries(s *server) []*query {
	return []*query{
		static(s.address),
		databases,
		roles,
		locks,
		activity,
		bgwriter,
		statDatabase,
		conflicts(s.address),
		wal,
		vacuums,

		autovacuums,
		buffercache,
		checkpointer,
		longTransactions,
		postmaster,
		wraparound,
		xlogLocation,
	}
}

// A kind is a collector that exists.
type kind struct {
	frame.Collector
	onDemand bool
}

// all are the collectors of a server, in the order in which they run.
func all(s *server) []kind {
	kinds := []kind{{Collector: up{s}}, {Collector: &settings{server: s, known: map[string]setting{}}}}
	for _, q := range queries(s) {
		kinds = append(kinds, kind{collector{q, s}, q.onDemand})
	}
	return append(kinds, kind{processIdle{s}, true}, kind{Collector: exporter{s}})
}

// New returns the collectors of a server. They share its one connection: the
// target must run them one after another (frame.Spec.Serial). An error says
// what is wrong with the configuration; nothing is asked yet.
func New(cfg Config) ([]frame.Entry, error) {
	s, err := newServer(cfg)
	if err != nil {
		return nil, err
	}
	var entries []frame.Entry
	for _, k := range all(s) {
		if k.Name() == role.name || cfg.Collectors.Chooses(k.Name(), !k.onDemand) {
			entries = append(entries, frame.Entry{Collector: k})
		}
	}
	return entries, nil
}

// Names lists the collectors that can be chosen, sorted. Whether the server
// answers (up) is always told.
func Names() []string {
	var names []string
	for _, k := range all(&server{}) {
		if k.Name() != role.name {
			names = append(names, k.Name())
		}
	}
	slices.Sort(names)
	return names
}

// Families lists all that a server's page may have.
func Families() []*frame.Family {
	var families []*frame.Family
	for _, k := range all(&server{}) {
		families = append(families, k.Families()...)
	}
	return families
}
