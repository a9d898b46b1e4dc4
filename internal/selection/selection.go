// Package selection chooses among the collectors of a target by their names,
// as a site file says.
package selection

import (
	"slices"
	"strings"

	"tocsin/internal/problem"
	"tocsin/internal/strict"
)

// A Selection chooses among the collectors by their names.
type Selection struct {
	Only []string `yaml:"only"` // the collectors that run, and no others
	On   []string `yaml:"on"`   // collectors that run beside those that run by default
	Off  []string `yaml:"off"`  // collectors that do not run
}

// Chooses tells whether a collector runs, which by itself would or would not.
func (s Selection) Chooses(name string, byDefault bool) bool {
	if len(s.Only) > 0 {
		return slices.Contains(s.Only, name)
	}
	return !slices.Contains(s.Off, name) && (byDefault || slices.Contains(s.On, name))
}

// Validate adds what is wrong to p: names that no collector has, and wishes
// that contradict each other.
func (s Selection) Validate(p problem.List, names []string) {
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
