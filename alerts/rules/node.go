package rules

import (
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// mapping returns the values of a mapping that may have these keys.
func (r reader) mapping(n *yaml.Node, what string, keys ...string) (map[string]*yaml.Node, bool) {
	n = target(n)
	if n.Kind != yaml.MappingNode {
		r.addf(n, "%s must be a mapping with the keys %s", what, strings.Join(keys, ", "))
		return nil, false
	}
	out := make(map[string]*yaml.Node, len(keys))
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case !slices.Contains(keys, key.Value):
			r.addf(key, "%s has no key %s%s", what, key.Value, hint(key.Value, keys))
		case out[key.Value] != nil:
			r.addf(key, "%s has the key %s twice: take one out", what, key.Value)
		default:
			out[key.Value] = target(value)
		}
	}
	return out, true
}

func (r reader) sequence(n *yaml.Node, what string) []*yaml.Node {
	if n == nil || n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.addf(n, "%s must be a list: lines that begin with -", what)
		return nil
	}
	return n.Content
}

// text returns a scalar; a missing one is empty.
func (r reader) text(n *yaml.Node) string {
	if n == nil || n.Tag == "!!null" {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		r.addf(n, "must be a text")
		return ""
	}
	return n.Value
}

func (r reader) duration(n *yaml.Node, key string) model.Duration {
	text := r.text(n)
	if text == "" && (n == nil || n.Tag == "!!null") {
		return 0
	}
	d, err := model.ParseDuration(text)
	if err != nil {
		r.addf(n, "%s: %q is not a duration: write a number with its unit, as 30s, 5m or 1h30m", key, text)
	}
	return d
}

// labels reads a mapping of names to texts.
func (r reader) labels(n *yaml.Node, what string) map[string]string {
	if n == nil || n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		r.addf(n, "%ss must be a mapping of names to texts", what)
		return nil
	}
	out := make(map[string]string, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], target(n.Content[i+1])
		if !model.LegacyValidation.IsValidLabelName(key.Value) || key.Value == model.MetricNameLabel {
			r.addf(key, "%s is not a name for a %s: letters, digits and _, no digit first", key.Value, what)
		}
		if _, twice := out[key.Value]; twice {
			r.addf(key, "the %s %s is there twice: take one out", what, key.Value)
		}
		out[key.Value] = r.text(value)
	}
	return out
}

// target follows an alias.
func target(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// valueOf returns the value of a key of a mapping; the mapping itself if it is
// not there.
func valueOf(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return target(mapping.Content[i+1])
		}
	}
	return mapping
}

// comment returns what stands above a rule, without the signs. The library
// gives it to the mapping or to its first key, as the layout falls.
func comment(n *yaml.Node) string {
	text := n.HeadComment
	if text == "" && len(n.Content) > 0 {
		text = n.Content[0].HeadComment
	}
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSpace(strings.TrimPrefix(l, "#"))
	}
	return strings.Join(lines, "\n")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
