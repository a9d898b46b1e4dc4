package strict

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxAliased bounds how many nodes may be read through aliases, so that ten
// lines which refer to one another cannot become a billion.
const maxAliased = 10_000

// maxDepth bounds how deep values may nest; a site file needs eight.
const maxDepth = 64

// decoder walks a YAML node and a Go value side by side.
type decoder struct {
	root    reflect.Type
	at      Positions
	faults  []Fault
	active  map[*yaml.Node]bool // anchors being read now, to see one that contains itself
	through int                 // how many aliases and merge keys lead to what is read now
	aliased int                 // nodes read through them so far
	depth   int
	stopped bool // the aliases went too far; nothing more is read
}

func (d *decoder) fault(n *yaml.Node, path, format string, args ...any) {
	if d.stopped {
		return
	}
	d.faults = append(d.faults, Fault{Line: n.Line, Column: n.Column, Path: path, Text: fmt.Sprintf(format, args...)})
}

// tooMany ends the reading: no later fault is noted.
func (d *decoder) tooMany(n *yaml.Node, path string) {
	d.fault(n, path, "the aliases (*) of this file unfold to more than %d values; write them out", maxAliased)
	d.stopped = true
}

// value reads n into v, which is addressable. A null leaves v as it is.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string) {
	if _, ok := d.at[path]; !ok {
		d.at[path] = Position{n.Line, n.Column}
	}
	if d.through > 0 {
		if d.aliased++; d.aliased > maxAliased && !d.stopped {
			d.tooMany(n, path)
		}
	}
	if d.depth++; d.depth > maxDepth {
		d.fault(n, path, "more than %d levels of nesting; a site file needs eight", maxDepth)
	} else if !d.stopped {
		d.resolve(n, v, path)
	}
	d.depth--
}

// resolve follows an alias, and refuses what no configuration needs.
func (d *decoder) resolve(n *yaml.Node, v reflect.Value, path string) {
	switch {
	case n.Kind == yaml.AliasNode:
		if d.active[n.Alias] {
			d.fault(n, path, "this alias (*) stands inside its own anchor; write the value out")
			return
		}
		d.active[n.Alias] = true
		d.through++
		d.resolve(n.Alias, v, path)
		d.through--
		delete(d.active, n.Alias)
	case n.Style&yaml.TaggedStyle != 0:
		d.fault(n, path, "a tag (!) has no meaning here; take it away, or put text that begins with ! in quotes")
	case isNull(n):
	default:
		d.typed(n, v, path)
	}
}

// typed reads a node that is neither alias nor null.
func (d *decoder) typed(n *yaml.Node, v reflect.Value, path string) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.typed(n, v.Elem(), path)
		return
	}
	switch special := v.Addr().Interface().(type) {
	case Union:
		d.union(n, special, path)
		return
	case yaml.Unmarshaler:
		d.own(n, special, path)
		return
	case encoding.TextUnmarshaler:
		d.text(n, special, path)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v, path)
	case reflect.Map:
		d.mapping(n, v, path)
	case reflect.Slice:
		d.list(n, v, path)
	default:
		d.scalar(n, v, path)
	}
}

func (d *decoder) union(n *yaml.Node, u Union, path string) {
	scalar := ""
	if n.Kind == yaml.ScalarNode {
		scalar = n.Value
	}
	into, err := u.Shape(n.Kind, scalar)
	switch {
	case err != nil:
		d.fault(n, path, "%v", err)
	case into != nil:
		d.typed(n, reflect.ValueOf(into).Elem(), path)
	}
}

// own leaves a value to a type that reads YAML itself and answers for its
// strictness. Of its error only the text is told, on the value's line.
func (d *decoder) own(n *yaml.Node, into yaml.Unmarshaler, path string) {
	d.places(n, path, 0)
	if d.stopped {
		return
	}
	if err := into.UnmarshalYAML(n); err != nil {
		d.fault(n, path, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
}

// places notes where everything below n stands, and unfolds it as the type
// will, so that the bound on aliases holds for it too.
func (d *decoder) places(n *yaml.Node, path string, depth int) {
	if d.aliased++; d.aliased > maxAliased || depth > maxDepth {
		d.tooMany(n, path)
		return
	}
	switch n.Kind {
	case yaml.AliasNode:
		d.places(n.Alias, path, depth+1)
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content) && !d.stopped; i += 2 {
			at := join(path, n.Content[i].Value)
			if _, ok := d.at[at]; !ok {
				d.at[at] = Position{n.Content[i].Line, n.Content[i].Column}
			}
			d.places(n.Content[i+1], at, depth+1)
		}
	case yaml.SequenceNode:
		for i, c := range n.Content {
			if d.stopped {
				return
			}
			at := fmt.Sprintf("%s[%d]", path, i)
			if _, ok := d.at[at]; !ok {
				d.at[at] = Position{c.Line, c.Column}
			}
			d.places(c, at, depth+1)
		}
	}
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		d.fault(n, path, "must be a mapping, lines of \"key: value\" below it; it is %s", inWords(n))
		return
	}
	fields := Fields(v.Type())
	known := make(map[string]Field, len(fields))
	for _, f := range fields {
		known[f.Key] = f
	}
	for _, e := range d.entries(n, path) {
		f, ok := known[e.key.Value]
		if !ok {
			d.fault(e.key, join(path, shown(e.key.Value)), "%s", d.unknown(e.key.Value, path, keys(fields)))
			continue
		}
		d.entryValue(e, v.FieldByIndex(f.Struct.Index))
	}
}

// unknown says what may have been meant by a key that is not known.
func (d *decoder) unknown(key, path string, known []string) string {
	if near := Nearest(key, known); near != "" {
		return "unknown key; did you mean " + near + "?"
	}
	if place := elsewhere(d.root, key); place != "" && place != path {
		return "unknown key here; it belongs under " + place
	}
	return "unknown key; the keys here are " + strings.Join(known, ", ")
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		d.fault(n, path, "must be a mapping, lines of \"key: value\" below it; it is %s", inWords(n))
		return
	}
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	for _, e := range d.entries(n, path) {
		element := reflect.New(v.Type().Elem()).Elem()
		d.entryValue(e, element)
		v.SetMapIndex(reflect.ValueOf(e.key.Value).Convert(v.Type().Key()), element)
	}
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.SequenceNode {
		d.fault(n, path, "must be a list, lines that begin with \"- \" or [one, two]; it is %s", inWords(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, c := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		if isNull(c) {
			d.fault(c, at, "an entry with nothing in it; fill it or take it away")
			continue
		}
		d.value(c, v.Index(i), at)
	}
}
