package adapter

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"tocsin/bricks"
	"tocsin/internal/promtext"
)

// document reads JSON. The words of a failure name the place, never the text.
func document(body []byte) (any, error) {
	if depth(body) > maxDepth {
		return nil, fail(bricks.Unparsable, "its answer nests deeper than %d levels", maxDepth)
	}
	var v any
	err := json.Unmarshal(body, &v)
	if err == nil {
		return v, nil
	}
	trimmed := bytes.TrimLeft(body, " \t\r\n\ufeff")
	var syntax *json.SyntaxError
	switch {
	case len(trimmed) == 0:
		return nil, fail(bricks.Unparsable, "its answer is empty where JSON was expected")
	case trimmed[0] == '<':
		return nil, fail(bricks.Unparsable, "its answer is an HTML page where JSON was expected")
	case errors.As(err, &syntax) && int(syntax.Offset) >= len(body):
		return nil, fail(bricks.Unparsable, "its answer breaks off in the middle of JSON, after %d bytes", len(body))
	case errors.As(err, &syntax):
		return nil, fail(bricks.Unparsable, "its answer is no JSON from byte %d on", syntax.Offset)
	}
	return nil, fail(bricks.Unparsable, "its answer is no JSON")
}

// depth counts how deep brackets nest, up to one level more than allowed.
func depth(body []byte) int {
	level, deepest, quoted := 0, 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted:
			switch c {
			case '\\':
				i++
			case '"':
				quoted = false
			}
		case c == '"':
			quoted = true
		case c == '{' || c == '[':
			if level++; level > deepest {
				deepest = level
			}
			if deepest > maxDepth {
				return deepest
			}
		case c == '}' || c == ']':
			level--
		}
	}
	return deepest
}

// text makes valid UTF-8 of a body.
func text(body []byte) string { return strings.ToValidUTF8(string(body), "\ufffd") }

// exposition reads a page of metrics: the families that are passed on, and
// those that expressions read, the latter as {name: [{labels, value}]}.
func exposition(r bricks.Request, body []byte, wanted func(string) bool) ([]*promtext.Family, any, error) {
	passed := func(name string) bool { return matches(r.Pass, name) && !matches(r.Drop, name) }
	families, err := promtext.Parse(body, func(name string) bool { return passed(name) || wanted(name) })
	if err != nil {
		if bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
			return nil, nil, fail(bricks.Unparsable, "its answer is an HTML page where metrics were expected")
		}
		return nil, nil, fail(bricks.Unparsable, "its page of metrics cannot be read: %v", err)
	}
	read := map[string]any{}
	for _, f := range families {
		if !wanted(f.Name) {
			continue
		}
		for _, s := range f.Samples {
			labels := make(map[string]any, len(s.Labels))
			for _, l := range s.Labels {
				labels[l.Name] = l.Value
			}
			list, _ := read[s.Name].([]any)
			read[s.Name] = append(list, map[string]any{"labels": labels, "value": s.Value})
		}
	}
	families = slices.DeleteFunc(families, func(f *promtext.Family) bool { return !passed(f.Name) })
	return families, read, nil
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { ok, err := path.Match(p, name); return ok && err == nil })
}

// readAll reads at most MaxAnswer bytes.
func readAll(from io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(from, MaxAnswer+1))
	if err != nil {
		return nil, network(err, "reading the answer")
	}
	if len(body) > MaxAnswer {
		return nil, fail(bricks.TooLarge, "its answer is larger than %d MiB", MaxAnswer>>20)
	}
	return body, nil
}
