package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// MaxSize is the size in bytes up to which a file is read.
const MaxSize = 1 << 20

// Decode reads one YAML document into the struct that into points to. What
// could be read is in it even when there are faults, so that the rest can be
// checked too. An empty file is a valid one. The faults come in the order of
// the file.
func Decode(data []byte, into any) (Positions, []Fault) {
	root, faults := Parse(data)
	if len(faults) > 0 || root == nil {
		return Positions{}, faults
	}
	target := reflect.ValueOf(into).Elem()
	d := &decoder{root: target.Type(), at: Positions{}, active: map[*yaml.Node]bool{}}
	if root.Kind == yaml.MappingNode || isNull(root) {
		d.value(root, target, "")
	} else {
		d.fault(root, "", "the file must be lines of \"key: value\"; it begins with %s", inWords(root))
	}
	if d.stopped { // what was read is no use: most of it is missing
		target.SetZero()
		d.at, d.faults = Positions{}, d.faults[len(d.faults)-1:]
	}
	clamp(data, d.at, d.faults)
	return d.at, Sort(d.faults)
}

// Parse reads one YAML document up to its root, for who reads the rest
// otherwise than into a struct. It is nil for a file that has nothing in it.
func Parse(data []byte) (*yaml.Node, []Fault) {
	if len(data) > MaxSize {
		return nil, []Fault{{Text: fmt.Sprintf("the file is larger than %d bytes (1 MiB); a site file is some hundred lines", MaxSize)}}
	}
	if f, ok := notUTF8(data); ok {
		return nil, []Fault{f}
	}
	return document(data)
}

// clamp moves places behind the last line onto it: the library puts a value
// that was left out at the end of a file where the next line would begin.
func clamp(data []byte, at Positions, faults []Fault) {
	last := 1 + strings.Count(strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(string(data)), "\n")
	for path, pos := range at {
		at[path] = Position{Line: min(pos.Line, last), Column: pos.Column}
	}
	for i := range faults {
		faults[i].Line = min(faults[i].Line, last)
	}
}

// document parses the text into its one document's root; nil for a file that
// has nothing in it.
func document(data []byte) (*yaml.Node, []Fault) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, syntax(data, err)
	}
	for {
		var next yaml.Node
		err := dec.Decode(&next)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, syntax(data, err)
		}
		if !empty(&next) {
			return nil, []Fault{{
				Line: next.Line, Column: next.Column,
				Text: "a second document begins here; write everything in one, and take the line --- away",
			}}
		}
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	return doc.Content[0], nil
}

// empty tells whether a document has nothing in it: what follows a line --- at
// a file's end.
func empty(doc *yaml.Node) bool {
	return len(doc.Content) == 0 || doc.Content[0].Tag == "!!null" && doc.Content[0].Value == ""
}

// notUTF8 finds the first byte that is no UTF-8.
func notUTF8(data []byte) (Fault, bool) {
	line, column := 1, 1
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return Fault{Line: line, Column: column, Text: fmt.Sprintf(
				"column %d is not UTF-8 text (byte 0x%02x); save the file with the encoding UTF-8", column, data[i])}, true
		}
		column++
		if r == '\n' {
			line, column = line+1, 1
		}
		i += size
	}
	return Fault{}, false
}
