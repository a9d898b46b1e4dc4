package rules

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/prometheus/prometheus/promql/parser"
)

// parse reads an expression as the engine does.
func parse(expr string) (parser.Expr, error) {
	return parser.NewParser(parser.Options{}).ParseExpr(expr)
}

// Metrics returns the names of the metrics that expr selects, sorted, each
// once. A selector without a fixed name ({__name__=~"node_.*"}) adds none.
func Metrics(expr string) ([]string, error) {
	e, err := parse(expr)
	if err != nil {
		return nil, err
	}
	return metricsOf(e), nil
}

func metricsOf(e parser.Expr) []string {
	var names []string
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			if name := nameOf(s); name != "" {
				names = append(names, name)
			}
		}
		return nil
	})
	slices.Sort(names)
	return slices.Compact(names)
}

// nameOf returns the name that s asks for, written before or inside braces.
func nameOf(s *parser.VectorSelector) string {
	if s.Name != "" {
		return s.Name
	}
	for _, m := range s.LabelMatchers {
		if m.Name == "__name__" && m.Type.String() == "=" {
			return m.Value
		}
	}
	return ""
}

// comparison returns the outermost comparison of e with its number, or nil:
// e must be "something OP number", parentheses around it apart.
func comparison(e parser.Expr) (*parser.BinaryExpr, *parser.NumberLiteral) {
	b, ok := bare(e).(*parser.BinaryExpr)
	if !ok || !b.Op.IsComparisonOperator() || b.ReturnBool {
		return nil, nil
	}
	number, ok := bare(b.RHS).(*parser.NumberLiteral)
	if !ok || b.LHS.Type() != parser.ValueTypeVector {
		return nil, nil
	}
	return b, number
}

// bare takes the parentheses off.
func bare(e parser.Expr) parser.Expr {
	for {
		p, ok := e.(*parser.ParenExpr)
		if !ok {
			return e
		}
		e = p.Expr
	}
}

func thresholdOf(e parser.Expr) *Threshold {
	b, number := comparison(e)
	if b == nil {
		return nil
	}
	return &Threshold{Op: b.Op.String(), Value: number.Val}
}

// withThreshold returns expr with its number replaced, all else as written.
func withThreshold(expr string, value float64) (string, error) {
	e, err := parse(expr)
	if err != nil {
		return "", err
	}
	_, number := comparison(e)
	if number == nil {
		return "", errors.New("the rule has no threshold")
	}
	at := number.PosRange
	out := expr[:at.Start] + strconv.FormatFloat(value, 'f', -1, 64) + expr[at.End:]
	// The position comes from the parser; that it was right is cheap to know.
	again, err := parse(out)
	if err != nil {
		return "", fmt.Errorf("replace the threshold of %q: %w", expr, err)
	}
	if t := thresholdOf(again); t == nil || t.Value != value {
		return "", fmt.Errorf("replace the threshold of %q: it became %q", expr, out)
	}
	return out, nil
}
