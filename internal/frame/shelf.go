package frame

import dto "github.com/prometheus/client_model/go"

// A shelf has the memory for the samples of a family, in pieces for many of
// them: a page has thousands, and each would be five allocations.
type shelf struct {
	gauges   []gauge
	counters []counter
	untypeds []untyped
	pairs    []pair
	pointers []*dto.LabelPair
	taken    int // samples so far
}

// What one sample is made of lies in one piece.
type (
	pair struct {
		dto   dto.LabelPair
		value string
	}
	gauge struct {
		dto.Metric
		dto   dto.Gauge
		value float64
	}
	counter struct {
		dto.Metric
		dto   dto.Counter
		value float64
	}
	untyped struct {
		dto.Metric
		dto   dto.Untyped
		value float64
	}
)

func (s *shelf) metric(t Type, value float64) *dto.Metric {
	s.taken++
	switch t {
	case Counter:
		m := next(&s.counters, 1, s.taken)
		m.value = value
		m.dto.Value, m.Counter = &m.value, &m.dto
		return &m.Metric
	case Untyped:
		m := next(&s.untypeds, 1, s.taken)
		m.value = value
		m.dto.Value, m.Untyped = &m.value, &m.dto
		return &m.Metric
	default:
		m := next(&s.gauges, 1, s.taken)
		m.value = value
		m.dto.Value, m.Gauge = &m.value, &m.dto
		return &m.Metric
	}
}

// pair returns one of so many that a sample has.
func (s *shelf) pair(of int) *pair { return next(&s.pairs, of, s.taken) }

// labels returns an empty list for so many.
func (s *shelf) labels(count int) []*dto.LabelPair {
	if len(s.pointers) < count {
		s.pointers = make([]*dto.LabelPair, count*pieces(s.taken))
	}
	list := s.pointers[:count:count]
	s.pointers = s.pointers[count:]
	return list
}

// next takes an element of a piece of memory, and makes a new piece when that
// is used up; a sample has so many.
func next[T any](piece *[]T, each, taken int) *T {
	if len(*piece) == 0 {
		*piece = make([]T, each*pieces(taken))
	}
	one := &(*piece)[0]
	*piece = (*piece)[1:]
	return one
}

// pieces is for how many samples memory is made at once, at the so many-th:
// as many again as there are, so that most families waste nothing.
func pieces(taken int) int { return min(max(taken-1, 1), 64) }
