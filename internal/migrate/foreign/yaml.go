package foreign

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"tocsin/internal/strict"
)

// Bounds of what aliases may make of a file.
const (
	maxNodes = 200_000
	maxDepth = 64
)

// A Value is a part of a YAML file, or the zero Value where the file has none.
type Value struct {
	file string
	node *yaml.Node
	line int // of the key, where it has one
}

// A Pair is a key of a mapping with what stands under it.
type Pair struct {
	Key   string
	Value Value
}

// Parse reads a YAML file with one document. The error is a *strict.Error
// with file and line.
func Parse(name string, data []byte) (Value, error) {
	root, faults := strict.Parse(data)
	if len(faults) > 0 {
		return Value{}, &strict.Error{File: name, Faults: faults}
	}
	if root == nil {
		return Value{file: name}, nil
	}
	e := expansion{}
	plain := e.expand(root, 0)
	if e.over {
		return Value{}, Fault(name, root.Line, "its aliases make it larger than any such file is; write them out")
	}
	return Value{file: name, node: plain, line: root.Line}, nil
}

// Fault is an error about a place in a file.
func Fault(name string, line int, text string) error {
	return &strict.Error{File: name, Faults: []strict.Fault{{Line: line, Text: text}}}
}

// expansion writes aliases and merged mappings (<<) out.
type expansion struct {
	nodes int
	over  bool
}

func (e *expansion) expand(n *yaml.Node, depth int) *yaml.Node {
	for n.Kind == yaml.AliasNode && depth <= maxDepth {
		n, depth = n.Alias, depth+1
	}
	e.nodes++
	e.over = e.over || e.nodes > maxNodes || depth > maxDepth
	if e.over {
		return &yaml.Node{Kind: yaml.ScalarNode, Line: n.Line}
	}
	out := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Line: n.Line}
	if n.Kind != yaml.MappingNode {
		for _, c := range n.Content {
			out.Content = append(out.Content, e.expand(c, depth+1))
		}
		return out
	}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := e.expand(n.Content[i], depth+1), e.expand(n.Content[i+1], depth+1)
		if key.Tag == "!!merge" || key.Value == "<<" {
			merged = append(merged, value)
			continue
		}
		out.Content = append(out.Content, key, value)
	}
	for _, m := range merged {
		e.merge(out, m)
	}
	return out
}

// merge adds the keys of a mapping, or of several, that are not there yet.
func (e *expansion) merge(into, from *yaml.Node) {
	if from.Kind == yaml.SequenceNode {
		for _, one := range from.Content {
			e.merge(into, one)
		}
		return
	}
	if from.Kind != yaml.MappingNode {
		return
	}
	has := map[string]bool{}
	for i := 0; i+1 < len(into.Content); i += 2 {
		has[into.Content[i].Value] = true
	}
	for i := 0; i+1 < len(from.Content); i += 2 {
		if !has[from.Content[i].Value] {
			into.Content = append(into.Content, from.Content[i], from.Content[i+1])
		}
	}
}

// Place is where the value stands, as file:line.
func (v Value) Place() string {
	if v.line == 0 {
		return v.file
	}
	return v.file + ":" + strconv.Itoa(v.line)
}

// Is tells whether the file has something here.
func (v Value) Is() bool { return v.node != nil && v.node.Tag != "!!null" }

// Get returns what stands under a key.
func (v Value) Get(key string) Value {
	for _, p := range v.Pairs() {
		if p.Key == key {
			return p.Value
		}
	}
	return Value{file: v.file}
}

// At is Get for several levels.
func (v Value) At(keys ...string) Value {
	for _, key := range keys {
		v = v.Get(key)
	}
	return v
}

// Pairs lists a mapping in the order of the file; nothing else has any.
func (v Value) Pairs() []Pair {
	if v.node == nil || v.node.Kind != yaml.MappingNode {
		return nil
	}
	var pairs []Pair
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key, value := v.node.Content[i], v.node.Content[i+1]
		pairs = append(pairs, Pair{Key: key.Value, Value: Value{file: v.file, node: value, line: key.Line}})
	}
	return pairs
}

// List returns the elements of a list; nothing else has any.
func (v Value) List() []Value {
	if v.node == nil || v.node.Kind != yaml.SequenceNode {
		return nil
	}
	var list []Value
	for _, n := range v.node.Content {
		list = append(list, Value{file: v.file, node: n, line: n.Line})
	}
	return list
}

// Text returns a scalar as it is written; "" for anything else.
func (v Value) Text() string {
	if !v.Is() || v.node.Kind != yaml.ScalarNode {
		return ""
	}
	return v.node.Value
}

// Texts returns the texts of a list, or a single one.
func (v Value) Texts() []string {
	if t := v.Text(); t != "" {
		return []string{t}
	}
	var all []string
	for _, e := range v.List() {
		all = append(all, e.Text())
	}
	return all
}

// True tells whether it is written as true, in any of YAML's ways.
func (v Value) True() bool { return v.is("true", "yes", "on") }

// False tells whether it is written as false.
func (v Value) False() bool { return v.is("false", "no", "off") }

func (v Value) is(words ...string) bool {
	return slices.Contains(words, strings.ToLower(v.Text()))
}

// MustBe refuses a file that is no mapping with one of the keys: it is not
// what it was said to be.
func (v Value) MustBe(what string, keys ...string) error {
	for _, key := range keys {
		if v.Get(key).Is() {
			return nil
		}
	}
	line := max(v.line, 1)
	return Fault(v.file, line, fmt.Sprintf("this is no %s: it has no %s; give the file that the old program reads", what, keys[0]))
}
