package brick

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"

	"tocsin/bricks"
	"tocsin/internal/frame"
	"tocsin/internal/jq"
)

// maxLabel is how many bytes a label's value may have.
const maxLabel = 256

// gap is a metric that could not be had, with one reason.
type gap struct {
	metric string
	reason bricks.MissingReason
}

// measurement sends a page's own metrics, and gathers the gaps.
type measurement struct {
	sink *frame.Sink
	gaps map[gap]bool
	seen map[string]bool // family and labels
}

// measure takes the numbers out of the answers.
func (p *program) measure(ctx context.Context, s state, sink *frame.Sink) map[gap]bool {
	m := &measurement{sink: sink, gaps: map[gap]bool{}, seen: map[string]bool{}}
	for i := range p.metrics {
		if stand := s.of(p.metrics[i].reads); stand == ready {
			m.one(ctx, &p.metrics[i], s.documents)
		}
	}
	return m.gaps
}

func (m *measurement) one(ctx context.Context, c *metric, documents map[string]any) {
	if c.rows == nil {
		m.row(ctx, c, documents)
		return
	}
	rows, err := c.rows.All(ctx, documents, c.MaxRows)
	switch {
	case errors.Is(err, jq.ErrTooMany):
		m.gap(c, bricks.Rows)
	case err != nil:
		m.gap(c, bricks.WrongType)
	}
	if len(rows) == 0 && err == nil && !c.Optional {
		m.gap(c, bricks.Missing)
	}
	for _, row := range rows {
		m.row(ctx, c, row)
	}
}

func (m *measurement) gap(c *metric, reason bricks.MissingReason) {
	m.gaps[gap{c.Name, reason}] = true
}

// row sends one sample, or says why not.
func (m *measurement) row(ctx context.Context, c *metric, row any) {
	raw, err := c.value.First(ctx, row)
	if err != nil {
		m.gap(c, bricks.WrongType)
		return
	}
	if c.dropIf != nil {
		drop, err := c.dropIf.First(ctx, raw)
		if unknown, ok := drop.(bool); ok && unknown && err == nil {
			return
		}
	}
	value, reason := c.number(raw)
	if reason == bricks.Missing && c.Optional {
		return
	}
	if reason != "" {
		m.gap(c, reason)
		return
	}
	values := make([]string, len(c.labels))
	for i, l := range c.labels {
		if values[i] = l.literal; l.query == nil {
			continue
		}
		found, err := l.query.First(ctx, row)
		if err != nil {
			m.gap(c, bricks.WrongType)
			return
		}
		if values[i], reason = labelText(found); reason != "" {
			m.gap(c, reason)
			return
		}
	}
	key := c.Name + "\xff" + strings.Join(values, "\xff")
	if m.seen[key] {
		m.gap(c, bricks.Duplicate)
		return
	}
	m.seen[key] = true
	m.sink.Send(c.family, value, values...)
}

// number makes the sample's value of what an expression gave.
func (c *metric) number(raw any) (float64, bricks.MissingReason) {
	value, ok := 0.0, true
	switch v := raw.(type) {
	case nil:
		return 0, bricks.Missing
	case string:
		return c.enumerated(v)
	case bool:
		if v {
			value = 1
		}
	default:
		value, ok = float(v)
	}
	if !ok {
		return 0, bricks.WrongType
	}
	value *= c.Scale
	switch {
	case math.IsNaN(value) || math.IsInf(value, 0):
		return 0, bricks.Range
	case value < 0 && c.Type == "counter" && c.Min == nil:
		return 0, bricks.Negative
	case c.Min != nil && value < *c.Min, c.Max != nil && value > *c.Max:
		return 0, bricks.Range
	}
	return value, ""
}

// enumerated looks a text up. A text is a number by the kind's word only.
func (c *metric) enumerated(text string) (float64, bricks.MissingReason) {
	if c.Enum == nil {
		return 0, bricks.WrongType
	}
	known, ok := c.Enum[text]
	if !ok {
		known, ok = c.Enum["_other"]
	}
	if !ok || known == "missing" {
		return 0, bricks.Missing
	}
	value, err := strconv.ParseFloat(known, 64)
	if err != nil {
		return 0, bricks.WrongType
	}
	return value, ""
}

func float(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	case *big.Int:
		f, _ := new(big.Float).SetInt(v).Float64()
		return f, true
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	}
	return 0, false
}

// labelText makes a label's value; an empty one would be no label at all.
func labelText(v any) (string, bricks.MissingReason) {
	switch v := v.(type) {
	case nil:
		return "", bricks.Missing
	case string:
		if v == "" {
			return "", bricks.Missing
		}
		if len(v) > maxLabel {
			return "", bricks.Range
		}
		return strings.ToValidUTF8(v, "\ufffd"), ""
	case bool:
		return strconv.FormatBool(v), ""
	}
	if f, ok := float(v); ok {
		return strconv.FormatFloat(f, 'f', -1, 64), ""
	}
	return "", bricks.WrongType
}
