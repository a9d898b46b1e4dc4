package strict

import (
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// entry is one key of a mapping, with its value.
type entry struct {
	key, value *yaml.Node
	path       string
	merged     bool // a merge key brought it
}

// entryValue reads an entry's value into v. What a merge key brought counts as
// read through an alias.
func (d *decoder) entryValue(e entry, v reflect.Value) {
	if e.merged {
		d.through++
		defer func() { d.through-- }()
	}
	d.value(e.value, v, e.path)
}

// entries returns the keys of a mapping with their places noted, and finds
// those that are written twice. A merge key (<<) brings the entries of other
// mappings, which those written here win over.
func (d *decoder) entries(n *yaml.Node, path string) []entry {
	var own []entry
	var merged []*yaml.Node
	first := make(map[string]*yaml.Node)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind == yaml.ScalarNode && key.Tag == "!!merge":
			merged = append(merged, value)
		case key.Kind != yaml.ScalarNode || isNull(key):
			d.fault(key, path, "a key must be a plain word")
		case first[key.Value] != nil:
			d.fault(key, join(path, shown(key.Value)), "this key is written twice, first on line %d; keep one", first[key.Value].Line)
		default:
			first[key.Value] = key
			own = append(own, d.entry(key, value, path))
		}
	}
	for _, m := range merged {
		for _, e := range d.merge(m, path) {
			if first[e.key.Value] == nil {
				first[e.key.Value] = e.key
				e.merged = true
				own = append(own, e)
			}
		}
	}
	return own
}

func (d *decoder) entry(key, value *yaml.Node, path string) entry {
	at := join(path, key.Value)
	if _, ok := d.at[at]; !ok {
		d.at[at] = Position{key.Line, key.Column}
	}
	return entry{key: key, value: value, path: at}
}

// merge returns the entries that a merge key brings: those of an anchored
// mapping, or of a list of them.
func (d *decoder) merge(n *yaml.Node, path string) []entry {
	switch {
	case d.stopped:
		return nil
	case n.Kind == yaml.AliasNode && !d.active[n.Alias]:
		d.active[n.Alias] = true
		defer delete(d.active, n.Alias)
		if d.aliased += len(n.Alias.Content); d.aliased > maxAliased {
			d.tooMany(n, path)
			return nil
		}
		return d.merge(n.Alias, path)
	case n.Kind == yaml.MappingNode:
		return d.entries(n, path)
	case n.Kind == yaml.SequenceNode:
		var all []entry
		for _, c := range n.Content {
			all = append(all, d.merge(c, path)...)
		}
		return all
	}
	d.fault(n, path, "<< takes an alias (*name) of a mapping, or a list of them")
	return nil
}

// shown is a key as a message may repeat it: a line pasted without thought can
// make a key of a URL with a password.
func shown(key string) string {
	switch {
	case regexp.MustCompile(`^[\w.-]{1,40}$`).MatchString(key):
		return key
	case len(key) > 40 || strings.ContainsAny(key, "/@"):
		return "(a key of other text)"
	default:
		return strconv.Quote(key)
	}
}
