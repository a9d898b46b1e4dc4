package dashboards

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"tocsin/alerts/rules"
	"tocsin/bricks"
	"tocsin/internal/problem"
)

// The colours of a state, as Grafana names them.
const (
	good    = "green"
	warning = "orange"
	bad     = "red"
	neutral = "blue"
	unknown = "text"
)

// limits knows the numbers of the alert rules.
type limits struct {
	files []rules.File
	wrong []string // rules asked for that do not exist, or have no number
}

// newLimits reads the shipped rules and those of kinds.
func newLimits(kinds []bricks.Kind) (*limits, error) {
	files, err := rules.Load()
	if err != nil {
		return nil, err
	}
	for _, k := range kinds {
		if len(k.Alerts) == 0 {
			continue
		}
		text, err := ruleFile(k)
		if err != nil {
			return nil, err
		}
		// What is wrong with a kind's alerts is told where they are loaded to ring.
		files = append(files, rules.Parse(problem.New(), k.Name+".yml", text))
	}
	return &limits{files: files}, nil
}

// ruleFile writes the alerts of a kind as a rule file, without their texts.
func ruleFile(k bricks.Kind) ([]byte, error) {
	type alert struct {
		Alert  string            `yaml:"alert"`
		Expr   string            `yaml:"expr"`
		Labels map[string]string `yaml:"labels"`
	}
	type group struct {
		Name  string  `yaml:"name"`
		Rules []alert `yaml:"rules"`
	}
	g := group{Name: k.Name}
	for _, a := range k.Alerts {
		g.Rules = append(g.Rules, alert{a.Name, a.Expr, map[string]string{"severity": a.Severity}})
	}
	text, err := yaml.Marshal(map[string][]group{"groups": {g}})
	if err != nil {
		return nil, fmt.Errorf("write the alerts of %s: %w", k.Name, err)
	}
	return text, nil
}

// rule returns a rule that has a number.
func (l *limits) rule(name string) (rules.Rule, bool) {
	r, ok := rules.Find(l.files, name)
	if !ok || !r.Threshold.Adjustable() {
		l.wrong = append(l.wrong, name)
		return rules.Rule{}, false
	}
	return r, true
}

// steps colours values as the rules ring: red where a critical one does,
// orange where a warning does, green elsewhere. All must ring on the same
// side: above their numbers, or below.
func (l *limits) steps(names ...string) *thresholds {
	var found []rules.Rule
	for _, name := range names {
		if r, ok := l.rule(name); ok {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b rules.Rule) int { return cmp.Compare(a.Threshold.Value, b.Threshold.Value) })
	out := &thresholds{Mode: "absolute", Steps: []step{{Color: good}}}
	for i, r := range found {
		value := r.Threshold.Value
		if strings.HasPrefix(r.Threshold.Op, ">") {
			out.Steps = append(out.Steps, step{Color: severe(r), Value: &value})
			continue
		}
		// Below the number it rings; from it on, the next rule decides.
		out.Steps[i].Color = severe(r)
		out.Steps = append(out.Steps, step{Color: good, Value: &value})
	}
	return out
}

func severe(r rules.Rule) string {
	if r.Severity() == "critical" {
		return bad
	}
	return warning
}

// told says in words when the rules ring.
func (l *limits) told(names ...string) string {
	var parts []string
	for _, name := range names {
		if r, ok := l.rule(name); ok {
			parts = append(parts, fmt.Sprintf("%s (%s %s)", name, r.Threshold.Op, strconv.FormatFloat(r.Threshold.Value, 'f', -1, 64)))
		}
	}
	return "The colours are those of " + strings.Join(parts, " and ") + "."
}
