// Package promtext reads a page of metrics in Prometheus' classic text format
// or in OpenMetrics, of a program that may not keep to either, and keeps only
// the families that are wanted.
//
// It is not for storing: samples' own timestamps and exemplars are left out.
package promtext

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Family is all samples of one metric.
type Family struct {
	// Name is that of the classic format: with _total for a counter of
	// OpenMetrics.
	Name string
	Help string
	// Type is counter, gauge, histogram, summary or untyped.
	Type    string
	Samples []Sample
}

// A Sample is one line.
type Sample struct {
	Name   string // the family's, or with _bucket, _sum, _count
	Labels []Label
	Value  float64
}

// A Label is a name and its value.
type Label struct{ Name, Value string }

const (
	maxSamples = 20_000
	maxLabels  = 64
	maxName    = 256
	maxText    = 1024
)

// reader reads one page.
type reader struct {
	wanted   func(string) bool
	families []*Family
	byName   map[string]*Family
	meta     map[string]*Family // what # TYPE and # HELP said, by the name they gave
	samples  int
}

// Parse returns the wanted families in their order. Its errors name a line and
// never its text.
func Parse(page []byte, wanted func(name string) bool) ([]*Family, error) {
	r := &reader{wanted: wanted, byName: map[string]*Family{}, meta: map[string]*Family{}}
	lines, found := 0, false
	for line := range bytes.Lines(page) {
		lines++
		text := strings.TrimSpace(string(line))
		if text == "# EOF" {
			break
		}
		if text == "" {
			continue
		}
		if text[0] == '#' {
			r.comment(text)
			continue
		}
		if err := r.sample(text); err != nil {
			return nil, fmt.Errorf("line %d: %w", lines, err)
		}
		found = true
	}
	if !found {
		return nil, errors.New("it has no sample")
	}
	return r.families, nil
}

// comment reads # TYPE and # HELP; others mean nothing.
func (r *reader) comment(line string) {
	fields := strings.SplitN(line, " ", 4)
	if len(fields) < 3 || fields[0] != "#" || !isName(fields[2]) {
		return
	}
	f := r.meta[fields[2]]
	if f == nil {
		if len(r.meta) >= maxSamples {
			return
		}
		f = &Family{Type: "untyped"}
		r.meta[fields[2]] = f
	}
	rest := ""
	if len(fields) == 4 {
		rest = fields[3]
	}
	switch fields[1] {
	case "HELP":
		f.Help = strings.ToValidUTF8(rest[:min(len(rest), maxText)], "")
	case "TYPE":
		switch rest {
		case "counter", "gauge", "histogram", "summary":
			f.Type = rest
		case "info", "stateset":
			f.Type = "gauge"
		default:
			f.Type = "untyped"
		}
	}
}

// sample reads a line: name, labels, value, and perhaps a timestamp and an
// exemplar.
func (r *reader) sample(line string) error {
	end := strings.IndexAny(line, "{ \t")
	if end <= 0 || !isName(line[:end]) {
		return errors.New("it does not begin with the name of a metric")
	}
	s := Sample{Name: line[:end]}
	f := r.family(s.Name)
	rest := strings.TrimLeft(line[end:], " \t")
	var err error
	if strings.HasPrefix(rest, "{") {
		if s.Labels, rest, err = labels(rest[1:]); err != nil {
			return err
		}
	}
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return errors.New("it has no value")
	}
	if s.Value, err = strconv.ParseFloat(fields[0], 64); err != nil && !math.IsInf(s.Value, 0) {
		return errors.New("its value is no number")
	}
	if f == nil {
		return nil
	}
	if r.samples++; r.samples > maxSamples {
		return fmt.Errorf("more than %d samples are wanted", maxSamples)
	}
	f.Samples = append(f.Samples, s)
	return nil
}

// family finds what a sample belongs to; nil where it is not wanted.
func (r *reader) family(sample string) *Family {
	if f, ok := r.byName[sample]; ok {
		return f
	}
	name, meta := sample, r.meta[sample]
	if meta == nil || meta.Type == "histogram" {
		for _, suffix := range []string{"_bucket", "_sum", "_count", "_total", "_created", "_info"} {
			base, ok := strings.CutSuffix(sample, suffix)
			m := r.meta[base]
			if !ok || m == nil {
				continue
			}
			distribution := m.Type == "histogram" || m.Type == "summary"
			switch {
			case distribution && (suffix == "_bucket" || suffix == "_sum" || suffix == "_count"):
				name, meta = base, m
			case suffix == "_total" && m.Type == "counter", suffix == "_info":
				meta = m
			case suffix == "_created":
				r.byName[sample] = nil
				return nil
			}
		}
	}
	if meta == nil {
		meta = &Family{Type: "untyped"}
	}
	if !r.wanted(name) {
		if len(r.byName) < maxSamples {
			r.byName[sample] = nil
		}
		return nil
	}
	f := r.byName[name]
	if f == nil {
		f = &Family{Name: name, Help: meta.Help, Type: meta.Type}
		r.families = append(r.families, f)
		r.byName[name] = f
	}
	r.byName[sample] = f
	return f
}

// labels reads name="value" pairs up to the closing brace.
func labels(text string) ([]Label, string, error) {
	var out []Label
	for {
		text = strings.TrimLeft(text, " \t,")
		if rest, ok := strings.CutPrefix(text, "}"); ok {
			return out, rest, nil
		}
		name, rest, ok := strings.Cut(text, "=")
		name = strings.TrimSpace(name)
		rest = strings.TrimLeft(rest, " \t")
		if !ok || !isName(name) || !strings.HasPrefix(rest, `"`) {
			return nil, "", errors.New("its labels are not name=\"value\"")
		}
		value, after, err := quoted(rest[1:])
		if err != nil {
			return nil, "", err
		}
		if len(out) == maxLabels {
			return nil, "", fmt.Errorf("it has more than %d labels", maxLabels)
		}
		out = append(out, Label{name, value})
		text = after
	}
}

// quoted reads up to the closing quote.
func quoted(text string) (value, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			if b.Len() > maxText || !utf8.ValidString(b.String()) {
				return "", "", fmt.Errorf("a label is no text of at most %d bytes", maxText)
			}
			return b.String(), text[i+1:], nil
		case c == '\\' && i+1 < len(text):
			i++
			if text[i] == 'n' {
				b.WriteByte('\n')
			} else {
				b.WriteByte(text[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", "", errors.New("a label has no closing quote")
}

func isName(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || c == ':' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return true
}
