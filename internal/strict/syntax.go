package strict

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// syntax says what makes a text no YAML. Only one such fault can be told:
// after it nobody knows what the rest means.
func syntax(data []byte, err error) []Fault {
	message, line := libraryError(err)
	if n := brokenLine(data); n > 0 {
		line = n
	}
	if f, ok := tabs(data, line); ok {
		return []Fault{f}
	}
	return []Fault{{Line: max(line, 1), Column: 1, Text: message}}
}

// libraryError takes the YAML library's error apart, and says it again in an
// administrator's words. Of the library's own words only those are kept that
// cannot repeat the file: an anchor's name may be half a password.
func libraryError(err error) (string, int) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 0
	if m := regexp.MustCompile(`^line (\d+): `).FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = strings.TrimPrefix(text, m[0])
	}
	for _, known := range []struct{ library, ours string }{
		{"mapping values are not allowed", "a second \": \" where only a value can stand; check the indentation, write a space behind the colon of a key, and put text that contains \": \" in quotes"},
		{"did not find expected key", "this line does not fit the lines above it; check its indentation, and that quotes and brackets are closed"},
		{"did not find expected '-' indicator", "this line does not fit the list above it; begin it with \"- \", or check its indentation"},
		{"could not find expected ':'", "a key without its colon, or an open bracket or quote; write \"key: value\""},
		{"did not find expected ',' or ']'", "a list that was opened with [ is not closed, or a text in it needs quotes; write [one, \"two\"]"},
		{"did not find expected ',' or '}'", "a mapping that was opened with { is not closed, or a text in it needs quotes; write {key: value, key: \"value\"}"},
		{"found unexpected end of stream", "a quote is opened and never closed"},
		{"found character that cannot start any token", "a value begins with a character that YAML keeps for itself (@, `, % or a tab); put the value in quotes"},
		{"unknown anchor", "an alias (* and a name) without its anchor; put text that begins with * in quotes"},
		{"did not find expected alphabetic or numeric character", "* and & need a name after them; put text that begins with * or & in quotes"},
		{"found unknown escape character", "a backslash inside double quotes that YAML does not know; use single quotes"},
		{"control characters are not allowed", "a control character in the text; take it away"},
		{"found undefined tag handle", "a tag (!) that YAML does not know; put text that begins with ! in quotes"},
		{"exceeded max depth", "more levels than a site file can have"},
	} {
		if strings.Contains(text, known.library) {
			return known.ours, line
		}
	}
	return "not YAML; check indentation, quotes and brackets here", line
}

// brokenLine finds the line after the last one up to which the file is good
// YAML: the library's own line is often the one where the block began. 0 when
// the file is too large to try.
func brokenLine(data []byte) int {
	const tries, size = 400, 64 << 10
	if len(data) > size {
		return 0
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	end := len(data)
	for n := len(lines) - 1; n >= 0 && len(lines)-n <= tries; n-- {
		end -= len(lines[n])
		if parses(data[:end]) {
			return n + 1
		}
	}
	return 0
}

func parses(data []byte) bool {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var n yaml.Node
		if err := dec.Decode(&n); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}

// tabs blames a tab in the indentation, where there is one at or before the
// line at which the parser gave up. In a file that parses, a tab stands in
// text, where it may.
func tabs(data []byte, line int) (Fault, bool) {
	for i, text := range bytes.Split(data, []byte("\n")) {
		if i >= line {
			break
		}
		indent := text[:len(text)-len(bytes.TrimLeft(text, " \t"))]
		// A line of white space alone disturbs no parser.
		if at := bytes.IndexByte(indent, '\t'); at >= 0 && len(bytes.TrimSpace(text)) > 0 && i+1 >= line-1 {
			return Fault{Line: i + 1, Column: at + 1, Text: "a tab indents this line; YAML wants spaces, write two for each level"}, true
		}
	}
	return Fault{}, false
}
