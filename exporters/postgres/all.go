package postgres

import (
	"slices"

	"tocsin/exporters/postgres/depth"
	"tocsin/internal/frame"
)

// queries are all that are asked of a server in the database of its DSN, at
// each scrape.
func queries(s *server) []*query {
	return []*query{
		static(s.address),
		roles,
		locks,
		activity,
		bgwriter,
		statDatabase,
		databaseConflicts(s.address),
		vacuums,

		autovacuums,
		buffercache,
		checkpointer,
		longTransactions,
		postmaster,
		wraparound,
		statWALReceiver,
		xlogLocation,
	}
}

// A kind is a collector that exists.
type kind struct {
	frame.Entry
	onDemand bool // it runs where the site file turns it on
}

// all are the collectors of a server, in the order in which they run.
func all(s *server, cfg Config) []kind {
	kinds := []kind{
		{Entry: frame.Entry{Collector: up{s}}},
		{Entry: frame.Entry{Collector: &settings{server: s, known: map[string]setting{}}}},
		{Entry: frame.Entry{Collector: &databases{server: s, known: map[string]*databaseState{}}}},
	}
	for _, q := range queries(s) {
		kinds = append(kinds, kind{frame.Entry{Collector: collector{q, s}}, q.onDemand})
	}
	kinds = append(kinds, kind{frame.Entry{Collector: processIdle{s}}, true})
	for _, e := range standing(s, cfg) {
		kinds = append(kinds, kind{Entry: e})
	}
	inside, onDemand := depth.Collectors(cfg.Depth, source{s})
	for _, e := range inside {
		kinds = append(kinds, kind{Entry: e})
	}
	for _, e := range onDemand {
		kinds = append(kinds, kind{e, true})
	}
	return append(kinds, kind{Entry: frame.Entry{Collector: exporter{s}}})
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
	for _, k := range all(s, cfg) {
		if name := k.Collector.Name(); name == role.name || cfg.Collectors.Chooses(name, !k.onDemand) {
			entries = append(entries, k.Entry)
		}
	}
	own, err := cfg.ownQueries(source{s})
	return append(entries, own...), err
}

// Names lists the collectors that can be chosen, sorted. Whether the server
// answers (up) is always told.
func Names() []string {
	var names []string
	for _, k := range all(&server{}, Config{}) {
		if k.Collector.Name() != role.name {
			names = append(names, k.Collector.Name())
		}
	}
	slices.Sort(names)
	return names
}

// ByDefault tells whether a collector runs when the site file does not name it.
func ByDefault(name string) bool {
	return slices.ContainsFunc(all(&server{}, Config{}), func(k kind) bool { return k.Collector.Name() == name && !k.onDemand })
}

// Families lists all that a server's page may have.
func Families() []*frame.Family {
	var families []*frame.Family
	for _, k := range all(&server{}, Config{}) {
		families = append(families, k.Collector.Families()...)
	}
	return families
}
