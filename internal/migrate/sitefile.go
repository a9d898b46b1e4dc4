package migrate

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A mapping is a mapping of the site file in the making. Keys stand in the
// order in which they are set.
type mapping struct {
	node *yaml.Node
}

func newMapping() *mapping {
	return &mapping{node: &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}}
}

// inline has the mapping written in one line.
func (m *mapping) inline() *mapping {
	m.node.Style = yaml.FlowStyle
	return m
}

func (m *mapping) empty() bool { return len(m.node.Content) == 0 }

// set adds a key: text, a number, a truth value, texts, texts by name, a
// mapping, or a list of mappings. Lines of comment stand over it.
func (m *mapping) set(key string, value any, comment ...string) {
	k := scalar(key)
	k.HeadComment = commented(comment)
	m.node.Content = append(m.node.Content, k, encode(value))
}

// setText is set for a text that may be missing.
func (m *mapping) setText(key, value string) {
	if value != "" {
		m.set(key, value)
	}
}

// note puts lines of comment over the mapping, where it is part of a list.
func (m *mapping) note(lines ...string) {
	m.node.HeadComment = commented(lines)
}

func scalar(text string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(text)
	if strings.ContainsAny(text, "\n\r") {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

func encode(value any) *yaml.Node {
	n := &yaml.Node{}
	switch v := value.(type) {
	case string:
		return scalar(v)
	case *mapping:
		return v.node
	case []*mapping:
		n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		for _, m := range v {
			n.Content = append(n.Content, m.node)
		}
	case []string:
		n.Kind, n.Tag, n.Style = yaml.SequenceNode, "!!seq", yaml.FlowStyle
		for _, text := range v {
			n.Content = append(n.Content, scalar(text))
		}
	case map[string]string:
		n.Kind, n.Tag, n.Style = yaml.MappingNode, "!!map", yaml.FlowStyle
		for _, key := range slices.Sorted(maps.Keys(v)) {
			n.Content = append(n.Content, scalar(key), scalar(v[key]))
		}
	default: // numbers and truth values, which always encode
		_ = n.Encode(v)
	}
	return n
}

func commented(lines []string) string {
	var all []string
	for _, l := range lines {
		all = append(all, "# "+clean(l))
	}
	return strings.Join(all, "\n")
}

// text writes the site file, the head above it as comments.
func (m *mapping) text(head ...string) ([]byte, error) {
	var b bytes.Buffer
	for _, l := range head {
		b.WriteString(strings.TrimRight("# "+clean(l), " ") + "\n")
	}
	if m.empty() {
		return b.Bytes(), nil
	}
	b.WriteByte('\n')
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(m.node); err != nil {
		return nil, err
	}
	return b.Bytes(), enc.Close()
}

// finish makes the result of a migration.
func (r *report) finish(m *mapping, head ...string) (*Result, error) {
	text, err := m.text(head...)
	if err != nil {
		return nil, err
	}
	return &Result{Site: text, NotCarried: r.lost}, nil
}
