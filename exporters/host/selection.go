package host

import (
	"log/slog"
	"slices"
	"strings"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/problem"
	"tocsin/internal/strict"
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
type Selection struct {
	Only []string `yaml:"only"` // the collectors that run, and no others
	On   []string `yaml:"on"`   // collectors that run beside those that run by default
	Off  []string `yaml:"off"`  // collectors that do not run
}

// chooses tells whether a collector runs.
func (s Selection) chooses(name string, by standing) bool {
	if len(s.Only) > 0 {
		return slices.Contains(s.Only, name)
	}
	return !slices.Contains(s.Off, name) && (bool(by) || slices.Contains(s.On, name))
}

// validate adds what is wrong to p: names that no collector has, and wishes
// that contradict each other.
func (s Selection) validate(p problem.List) {
	names := Names()
	for _, list := range []struct {
		key    string
		wanted []string
	}{{"only", s.Only}, {"on", s.On}, {"off", s.Off}} {
		for i, name := range list.wanted {
			if !slices.Contains(names, name) {
				p.At(list.key).Index(i).Addf("%s", unknown(name, names))
			}
		}
	}
	if len(s.Only) > 0 && len(s.On)+len(s.Off) > 0 {
		p.Addf("only stands alone: with it nothing else is on, and nothing is left to be put off")
	}
	for _, name := range s.On {
		if slices.Contains(s.Off, name) {
			p.Addf("%s is both on and off; strike it from one list", name)
		}
	}
}

func unknown(name string, names []string) string {
	if near := strict.Nearest(name, names); near != "" {
		return "no collector is called " + name + "; did you mean " + near + "?"
	}
	return "no collector is called " + name + "; there are " + strings.Join(names, ", ")
}

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
