package rules

import (
	"slices"

	"github.com/prometheus/prometheus/promql/parser"
)

// carried is what can be known of the labels of an expression's results: when
// closed, they have no label but those in has; else they may have any but
// those in lacks.
type carried struct {
	closed bool
	has    []string
	lacks  []string
}

// may tells whether a result can carry the label.
func (c carried) may(label string) bool {
	if c.closed {
		return slices.Contains(c.has, label)
	}
	return !slices.Contains(c.lacks, label)
}

func (c carried) with(labels ...string) carried {
	out := carried{closed: c.closed, has: append(slices.Clone(c.has), labels...)}
	for _, l := range c.lacks {
		if !slices.Contains(labels, l) {
			out.lacks = append(out.lacks, l)
		}
	}
	return out
}

func (c carried) without(labels ...string) carried {
	out := carried{closed: c.closed, lacks: append(slices.Clone(c.lacks), labels...)}
	for _, l := range c.has {
		if !slices.Contains(labels, l) {
			out.has = append(out.has, l)
		}
	}
	return out
}

// either is what the results of "a or b" carry.
func either(a, b carried) carried {
	if a.closed && b.closed {
		return a.with(b.has...)
	}
	out := carried{}
	for _, l := range append(slices.Clone(a.lacks), b.lacks...) {
		if !a.may(l) && !b.may(l) {
			out.lacks = append(out.lacks, l)
		}
	}
	return out
}

// labelsOf finds what the results of e carry. Where it does not know it says
// that anything is possible.
func labelsOf(e parser.Expr) carried {
	switch n := e.(type) {
	case *parser.ParenExpr:
		return labelsOf(n.Expr)
	case *parser.UnaryExpr:
		return labelsOf(n.Expr)
	case *parser.SubqueryExpr:
		return labelsOf(n.Expr)
	case *parser.AggregateExpr:
		return aggregated(n)
	case *parser.BinaryExpr:
		return joined(n)
	case *parser.Call:
		return called(n)
	case *parser.NumberLiteral, *parser.StringLiteral:
		return carried{closed: true}
	default:
		return carried{}
	}
}

func aggregated(n *parser.AggregateExpr) carried {
	inner := labelsOf(n.Expr)
	switch n.Op {
	case parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO:
		return inner // they pick samples, labels and all
	case parser.COUNT_VALUES:
		return carried{}
	}
	if n.Without {
		return inner.without(n.Grouping...)
	}
	out := carried{closed: true}
	for _, l := range n.Grouping {
		if inner.may(l) {
			out.has = append(out.has, l)
		}
	}
	return out
}

func joined(n *parser.BinaryExpr) carried {
	left, right := labelsOf(n.LHS), labelsOf(n.RHS)
	m := n.VectorMatching
	switch {
	case m == nil: // a scalar on one side
		if n.LHS.Type() == parser.ValueTypeScalar {
			return right
		}
		return left
	case n.Op == parser.LOR:
		return either(left, right)
	case n.Op.IsSetOperator():
		return left
	case m.Card == parser.CardManyToOne:
		return left.with(m.Include...)
	case m.Card == parser.CardOneToMany:
		return right.with(m.Include...)
	case m.On:
		return carried{closed: true, has: m.MatchingLabels}
	default:
		return left.without(m.MatchingLabels...)
	}
}

func called(n *parser.Call) carried {
	switch n.Func.Name {
	case "vector", "scalar", "time", "pi":
		return carried{closed: true}
	case "absent", "absent_over_time", "info":
		return carried{}
	case "label_replace", "label_join":
		if dst, ok := n.Args[1].(*parser.StringLiteral); ok {
			return labelsOf(n.Args[0]).with(dst.Val)
		}
		return carried{}
	case "histogram_quantile", "histogram_quantiles":
		return carried{}
	}
	for _, arg := range n.Args {
		if t := arg.Type(); t == parser.ValueTypeVector || t == parser.ValueTypeMatrix {
			return labelsOf(arg)
		}
	}
	return carried{}
}
