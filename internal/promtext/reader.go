package promtext

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxMeta   = 20_000 // names that are remembered
	maxLabels = 64
	maxName   = 256
	maxText   = 1024
	slab      = 512 // labels that are made at once
)

// reader reads one page.
type reader struct {
	wanted   func(string) bool
	byName   map[string]*Family
	meta     map[string]*Family // what # TYPE and # HELP said, by the name they gave
	labels   []Label            // room for those of the next sample
	fleeting bool               // labels are valid until the next sample only

	last     *Family // of the newest sample, whose name was lastName
	lastName string
}

func newReader(wanted func(string) bool) *reader {
	return &reader{wanted: wanted, byName: map[string]*Family{}, meta: map[string]*Family{}}
}

// page reads line after line. Without bad, a line that is none ends it.
func (r *reader) page(next func() (string, error), bad func(error), do func(*Family, Sample) error) error {
	number, found := 0, false
	for {
		line, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		number++
		text := strings.TrimSpace(line)
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
		f, s, err := r.sample(text)
		switch {
		case err != nil && bad != nil:
			bad(fmt.Errorf("line %d: %w", number, err))
			continue
		case err != nil:
			return fmt.Errorf("line %d: %w", number, err)
		}
		found = true
		if f == nil {
			continue
		}
		if err := do(f, s); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	if !found {
		return errors.New("it has no sample")
	}
	return nil
}

// comment reads # TYPE and # HELP; others mean nothing.
func (r *reader) comment(line string) {
	what, rest, _ := strings.Cut(strings.TrimPrefix(line, "# "), " ")
	if what != "HELP" && what != "TYPE" {
		return
	}
	name, rest, _ := strings.Cut(rest, " ")
	if !isName(name) {
		return
	}
	f := r.meta[name]
	if f == nil {
		if len(r.meta) >= maxMeta {
			return
		}
		f = &Family{Type: "untyped"}
		r.meta[strings.Clone(name)] = f
	}
	switch what {
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
// exemplar. The family is nil where it is not wanted.
func (r *reader) sample(line string) (*Family, Sample, error) {
	end := strings.IndexAny(line, "{ \t")
	if end <= 0 || line[:end] != r.lastName && !isName(line[:end]) {
		return nil, Sample{}, errors.New("it does not begin with the name of a metric")
	}
	s := Sample{Name: line[:end]}
	if s.Name != r.lastName {
		r.last, r.lastName = r.family(s.Name), strings.Clone(s.Name)
	}
	s.Name = r.lastName
	rest := strings.TrimLeft(line[end:], " \t")
	var err error
	if strings.HasPrefix(rest, "{") {
		if s.Labels, rest, err = r.pairs(rest[1:]); err != nil {
			return nil, Sample{}, err
		}
	}
	value := strings.TrimLeft(rest, " \t")
	if i := strings.IndexAny(value, " \t"); i >= 0 {
		value = value[:i]
	}
	if value == "" {
		return nil, Sample{}, errors.New("it has no value")
	}
	if s.Value, err = strconv.ParseFloat(value, 64); err != nil && !math.IsInf(s.Value, 0) {
		return nil, Sample{}, errors.New("its value is no number")
	}
	return r.last, s, nil
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
		if len(r.byName) < maxMeta {
			r.byName[sample] = nil
		}
		return nil
	}
	f := r.byName[name]
	if f == nil {
		f = &Family{Name: strings.Clone(name), Help: meta.Help, Type: meta.Type}
		r.byName[name] = f
	}
	r.byName[sample] = f
	return f
}

// pairs reads name="value" pairs up to the closing brace.
func (r *reader) pairs(text string) ([]Label, string, error) {
	if r.fleeting {
		r.labels = r.labels[:0]
	} else if cap(r.labels)-len(r.labels) < maxLabels {
		r.labels = make([]Label, 0, slab)
	}
	from := len(r.labels)
	for {
		text = strings.TrimLeft(text, " \t,")
		if rest, ok := strings.CutPrefix(text, "}"); ok {
			return r.labels[from:len(r.labels):len(r.labels)], rest, nil
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
		if len(r.labels)-from == maxLabels {
			return nil, "", fmt.Errorf("it has more than %d labels", maxLabels)
		}
		r.labels = append(r.labels, Label{name, value})
		text = after
	}
}

// quoted reads up to the closing quote.
func quoted(text string) (value, rest string, err error) {
	if i := strings.IndexAny(text, "\"\\"); i >= 0 && i <= maxText && text[i] == '"' && utf8.ValidString(text[:i]) {
		return text[:i], text[i+1:], nil // nearly all have no escape
	}
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
