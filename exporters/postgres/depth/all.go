package depth

import (
	"time"

	"tocsin/internal/frame"
)

// Collectors returns all of a server: those that run by default, then those
// that run on demand. The walk has a clock of its own.
func Collectors(cfg Config, source Source) (byDefault, onDemand []frame.Entry) {
	cfg.SetDefaults()
	own := func(name string, columns []column, counts bool) frame.Entry {
		return frame.Entry{Collector: &ownTables{name: name, columns: columns, source: source, limit: cfg.Top.OwnTables, counts: counts}}
	}
	byDefault = []frame.Entry{
		own("stat_user_tables", userTables, true),
		own("statio_user_tables", ioTables, false),
		{Collector: &walk{cfg: cfg, source: source, chooses: cfg.Databases.Chooser(), inside: cfg.Schemas.Chooser()}, Every: time.Duration(cfg.Walk)},
	}
	onDemand = []frame.Entry{
		{Collector: &ownIndexes{source}},
		{Collector: &statements{source, cfg.Top.Statements}},
	}
	return byDefault, onDemand
}
