package host

import (
	"log/slog"
	"slices"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/selection"
)

// A kind is one collector that exists.
type kind struct {
	name     string
	standing standing
	every    time.Duration // its own clock, where it is dear; 0: at each scrape
	make     func(*machine) frame.Collector
}

// standing says whether a collector runs when the site file does not name it.
type standing bool

const (
	byDefault standing = true  // as in node_exporter, or cheap and of use to all
	onDemand  standing = false // dear, or of use to few
)

// A Selection chooses among the collectors by their names.
type Selection = selection.Selection

// Names lists the collectors that exist on this system, sorted.
func Names() []string {
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = k.name
	}
	slices.Sort(names)
	return names
}

// ByDefault tells whether a collector runs when no site file names it.
func ByDefault(name string) bool {
	return slices.ContainsFunc(known, func(k kind) bool { return k.name == name && bool(k.standing) })
}

// Families lists what all collectors that exist on this system may send,
// whichever of them a site chooses, and patterns of what hosts with another
// system send; what files of the site name is not known here.
func Families() []*frame.Family {
	cfg := Config{Collectors: Selection{Only: Names()}}
	cfg.SetDefaults()
	var families []*frame.Family
	for _, e := range New(cfg, slog.New(slog.DiscardHandler)) {
		families = append(families, e.Collector.Families()...)
	}
	families = append(families, elsewhere...)
	return slices.DeleteFunc(families, func(f *frame.Family) bool { return f.Name == frame.AnyName })
}
