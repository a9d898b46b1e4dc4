package rules

import (
	"bytes"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"tocsin/internal/problem"
)

// Render returns the files as an engine loads them, by name, with the site's
// overrides applied: standard Prometheus YAML. A file that no override touches
// is returned byte for byte. Names of files, groups and rules, and the order
// of rules, do not depend on overrides. A rule may become several of its name,
// for disjoint alerts.
func Render(files []File, o Overrides) (map[string][]byte, error) {
	out := make(map[string][]byte, len(files))
	for _, f := range files {
		text, err := f.render(o)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Source, err)
		}
		if _, twice := out[f.Name]; twice {
			return nil, fmt.Errorf("two rule files are called %s: rename one", f.Name)
		}
		out[f.Name] = text
	}
	return out, nil
}

// Effective returns the files as Render writes them, parsed.
func Effective(files []File, o Overrides) ([]File, error) {
	texts, err := Render(files, o)
	if err != nil {
		return nil, err
	}
	var out []File
	for _, f := range files {
		p := problem.New()
		parsed := Parse(p, f.Source, texts[f.Name])
		if found := p.All(); len(found) > 0 {
			return nil, fmt.Errorf("%s", found[0].Text)
		}
		parsed.Name, parsed.Own = f.Name, f.Own
		out = append(out, parsed)
	}
	return out, nil
}

func (f File) render(o Overrides) ([]byte, error) {
	touched := slices.ContainsFunc(Alerts([]File{f}), func(r Rule) bool { _, ok := o[r.Alert]; return ok })
	if !touched {
		return f.text, nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(f.text, &doc); err != nil {
		return nil, err
	}
	byLine := map[int]Rule{}
	for _, r := range Alerts([]File{f}) {
		byLine[r.Line] = r
	}
	for _, group := range valueOf(doc.Content[0], "groups").Content {
		list := valueOf(target(group), "rules")
		var rules []*yaml.Node
		for _, n := range list.Content {
			r, isAlert := byLine[target(n).Line]
			entries, changed := o[r.Alert]
			if !isAlert || !changed {
				rules = append(rules, n)
				continue
			}
			variants, err := entries.variants(r)
			if err != nil {
				return nil, fmt.Errorf("rule %s: %w", r.Alert, err)
			}
			for _, v := range variants {
				rules = append(rules, r.node(target(n), v))
			}
		}
		list.Content = rules
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return nil, err
	}
	return b.Bytes(), enc.Close()
}

// node returns a copy of the rule's mapping as the variant has it.
func (r Rule) node(n *yaml.Node, v variant) *yaml.Node {
	out := *n
	out.Content = slices.Clone(n.Content)
	if v.Expr != r.Expr {
		set(&out, "expr", v.Expr, yaml.LiteralStyle)
	}
	if v.For != r.For {
		set(&out, "for", v.For.String(), 0)
	}
	if v.Severity != r.Severity() {
		labels := yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		if old := valueOf(&out, "labels"); old != &out {
			labels = *old
			labels.Content = slices.Clone(old.Content)
		}
		set(&labels, "severity", v.Severity, 0)
		put(&out, "labels", &labels)
	}
	return &out
}

func set(mapping *yaml.Node, key, value string, style yaml.Style) {
	put(mapping, key, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value, Style: style})
}

// put sets a key of a mapping whose Content is the caller's own.
func put(mapping *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			value.LineComment = mapping.Content[i+1].LineComment
			mapping.Content[i+1] = value
			return
		}
	}
	mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, value)
}
