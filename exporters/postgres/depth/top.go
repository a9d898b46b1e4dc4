package depth

import (
	"cmp"
	"math"
	"slices"
)

// A top keeps the n entries with the highest ranks, and forgets the others, so
// that a walk over any number of databases holds no more than that.
type top[T any] struct {
	n    int
	kept []ranked[T]
}

type ranked[T any] struct {
	rank  float64
	entry T
}

func (t *top[T]) offer(rank float64, entry T) {
	t.kept = append(t.kept, ranked[T]{rank, entry})
	if len(t.kept) > 2*t.n {
		t.trim()
	}
}

// bound is the rank that an entry must pass to be kept; what is below it need
// not be asked for.
func (t *top[T]) bound() float64 {
	t.trim()
	if len(t.kept) < t.n || t.n == 0 {
		return math.Inf(-1)
	}
	return t.kept[t.n-1].rank
}

func (t *top[T]) trim() {
	slices.SortStableFunc(t.kept, func(a, b ranked[T]) int { return cmp.Compare(b.rank, a.rank) })
	if len(t.kept) > t.n {
		clear(t.kept[t.n:])
		t.kept = t.kept[:t.n]
	}
}

// entries returns what is kept, the highest rank first.
func (t *top[T]) entries() []ranked[T] {
	t.trim()
	return t.kept
}
