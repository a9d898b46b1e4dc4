package rules

import (
	"fmt"
	"strings"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"tocsin/internal/problem"
)

// Overrides are what a site changes of rules, by the rule's name: the value of
// alerts.rules. The zero value changes nothing.
type Overrides map[string]Entries

// Entries are a rule's overrides. In the site file they are one mapping, or a
// list of them; of a list, the first whose match fits an alert decides, and
// one without match fits all.
type Entries struct {
	List []Entry

	list  bool // written as a list, so that problems name the right place
	wrong []mistake
}

// An Entry is one override. What it leaves unset stays as the rule has it.
type Entry struct {
	Match     map[string]string // labels of the alert, all must be equal
	Off       bool
	Threshold *float64
	For       *model.Duration
	Severity  string
}

// mistake is a problem found while decoding; Validate tells it.
type mistake struct {
	index     int
	key, text string
}

// entryKeys are what an entry may say.
func entryKeys() []string { return []string{"match", "off", "threshold", "for", "severity"} }

// UnmarshalYAML reads one mapping or a list of them. What is wrong with them
// is kept for Validate, so that all problems are told at once.
func (e *Entries) UnmarshalYAML(n *yaml.Node) error {
	*e = Entries{}
	n = target(n)
	if n.Kind != yaml.SequenceNode {
		e.entry(n)
		return nil
	}
	e.list = true
	for _, item := range n.Content {
		e.entry(target(item))
	}
	return nil
}

func (e *Entries) entry(n *yaml.Node) {
	i := len(e.List)
	e.List = append(e.List, Entry{})
	wrongf := func(key, format string, args ...any) {
		e.wrong = append(e.wrong, mistake{index: i, key: key, text: fmt.Sprintf(format, args...)})
	}
	if n.Kind != yaml.MappingNode {
		wrongf("", "write what to change, as {threshold: 0.9}, or {off: true}")
		return
	}
	seen := map[string]bool{}
	for k := 0; k+1 < len(n.Content); k += 2 {
		key, value := n.Content[k].Value, target(n.Content[k+1])
		if seen[key] {
			wrongf(key, "is there twice: take one out")
			continue
		}
		seen[key] = true
		e.List[i].set(key, value, func(format string, args ...any) { wrongf(key, format, args...) })
	}
}

func (e *Entry) set(key string, n *yaml.Node, wrongf func(format string, args ...any)) {
	switch key {
	case "match":
		if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
			wrongf("write the labels that an alert must have, as {mountpoint: /backup}")
			return
		}
		e.Match = map[string]string{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			label, value := n.Content[i].Value, target(n.Content[i+1])
			if value.Kind != yaml.ScalarNode {
				wrongf("%s must be one text; for several values write several entries", label)
			}
			e.Match[label] = value.Value
		}
	case "off":
		if err := n.Decode(&e.Off); err != nil {
			wrongf("%q is neither true nor false", n.Value)
		}
	case "threshold":
		var v float64
		if err := n.Decode(&v); err != nil {
			wrongf("%q is not a number%s", n.Value, asRatio(n.Value))
			return
		}
		e.Threshold = &v
	case "for":
		d, err := model.ParseDuration(n.Value)
		if err != nil {
			wrongf("%q is not a duration: write a number with its unit, as 0s, 30s or 5m", n.Value)
			return
		}
		e.For = &d
	case "severity":
		if n.Kind == yaml.ScalarNode {
			e.Severity = n.Value
		}
		if e.Severity == "" {
			wrongf("write critical, warning or info")
		}
	default:
		wrongf("is not known here%s (there are %s)", hint(key, entryKeys()), strings.Join(entryKeys(), ", "))
	}
}

// asRatio says what a percentage would be.
func asRatio(text string) string {
	if number, ok := strings.CutSuffix(strings.TrimSpace(text), "%"); ok {
		return fmt.Sprintf(": write %s %% as a ratio, 0.95 for 95 %%", strings.TrimSpace(number))
	}
	return ""
}

// MarshalYAML writes the entries as they were read.
func (e Entries) MarshalYAML() (any, error) {
	var out []map[string]any
	for _, entry := range e.List {
		m := map[string]any{}
		if entry.Match != nil {
			m["match"] = entry.Match
		}
		if entry.Off {
			m["off"] = true
		}
		if entry.Threshold != nil {
			m["threshold"] = *entry.Threshold
		}
		if entry.For != nil {
			m["for"] = entry.For.String()
		}
		if entry.Severity != "" {
			m["severity"] = entry.Severity
		}
		out = append(out, m)
	}
	if !e.list && len(out) == 1 {
		return out[0], nil
	}
	return out, nil
}

// at returns the place of an entry.
func (e Entries) at(p problem.List, i int) problem.List {
	if e.list {
		return p.Index(i)
	}
	return p
}
