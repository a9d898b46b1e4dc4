package migrate

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"tocsin/internal/migrate/foreign"
)

// A relabelling is one entry of relabel_configs.
//
// Source: Prometheus, "Configuration", relabel_config.
type relabelling struct {
	action, separator, target, replacement string
	sources                                []string
	expression                             *regexp.Regexp
}

// relabellings reads relabel_configs. It returns why they cannot be followed,
// where they cannot.
func relabellings(v foreign.Value) (steps []relabelling, why, place string) {
	for _, e := range v.List() {
		s := relabelling{action: "replace", separator: ";", replacement: "$1"}
		pattern := "(.*)"
		for _, p := range e.Pairs() {
			switch p.Key {
			case "action":
				s.action = strings.ToLower(p.Value.Text())
			case "separator":
				s.separator = p.Value.Text()
			case "target_label":
				s.target = p.Value.Text()
			case "replacement":
				s.replacement = p.Value.Text()
			case "regex":
				pattern = p.Value.Text()
			case "source_labels":
				s.sources = p.Value.Texts()
			}
		}
		if !slices.Contains([]string{"replace", "keep", "drop", "labeldrop", "labelkeep", "labelmap", "lowercase", "uppercase"}, s.action) {
			return nil, "tocsin migrate cannot follow this action of relabelling", e.Place()
		}
		var err error
		if s.expression, err = regexp.Compile("^(?s:" + pattern + ")$"); err != nil {
			return nil, "the regular expression of a relabelling is none", e.Place()
		}
		steps = append(steps, s)
	}
	return steps, "", ""
}

// relabelled applies the steps; false for a target that they drop.
func relabelled(labels map[string]string, steps []relabelling) bool {
	for _, s := range steps {
		if !s.apply(labels) {
			return false
		}
	}
	return true
}

func (s relabelling) apply(labels map[string]string) bool {
	var values []string
	for _, name := range s.sources {
		values = append(values, labels[name])
	}
	value := strings.Join(values, s.separator)
	switch s.action {
	case "keep":
		return s.expression.MatchString(value)
	case "drop":
		return !s.expression.MatchString(value)
	case "lowercase":
		put(labels, s.target, strings.ToLower(value))
	case "uppercase":
		put(labels, s.target, strings.ToUpper(value))
	case "replace":
		if at := s.expression.FindStringSubmatchIndex(value); at != nil {
			name := string(s.expression.ExpandString(nil, s.target, value, at))
			put(labels, name, string(s.expression.ExpandString(nil, s.replacement, value, at)))
		}
	default:
		s.names(labels)
	}
	return true
}

// names are the actions on names of labels.
func (s relabelling) names(labels map[string]string) {
	before := maps.Clone(labels)
	for _, name := range slices.Sorted(maps.Keys(before)) {
		value, matches := before[name], s.expression.MatchString(name)
		switch {
		case s.action == "labelmap" && matches:
			put(labels, s.expression.ReplaceAllString(name, s.replacement), value)
		case s.action == "labeldrop" && matches, s.action == "labelkeep" && !matches:
			delete(labels, name)
		}
	}
}

func put(labels map[string]string, name, value string) {
	if value == "" {
		delete(labels, name)
	} else if name != "" {
		labels[name] = value
	}
}
