package rabbitmq

import (
	"cmp"
	"container/heap"
	"regexp"
	"slices"
	"strings"
)

// A queue is one that may be told by itself.
type queue struct {
	vhost, name string
	messages    float64
	values      []float64 // of the families that are told, in their order; NaN: none
}

// choice keeps of all queues those that are told one by one.
type choice struct {
	vhosts           []string // nil: all
	include, exclude *regexp.Regexp
	top              int

	kept     fewest
	filtered int // left out by the site's choice
	beyond   int // left out for others have more messages
}

// newChoice begins a choice as Validate has accepted it.
func newChoice(c *Config) *choice {
	compile := func(text string) *regexp.Regexp {
		if text == "" {
			return nil
		}
		re, err := regexp.Compile(text)
		if err != nil {
			return nil // Validate has refused it
		}
		return re
	}
	return &choice{vhosts: c.Vhosts, include: compile(c.Queues.Include), exclude: compile(c.Queues.Exclude), top: c.Top}
}

// watches tells whether the site file chooses a queue.
func (c *choice) watches(vhost, name string) bool {
	return (c.vhosts == nil || slices.Contains(c.vhosts, vhost)) &&
		(c.include == nil || c.include.MatchString(name)) && (c.exclude == nil || !c.exclude.MatchString(name))
}

// offer takes a queue, and lets go of the one with fewest messages where there
// are too many. It keeps q only if it is among the first.
func (c *choice) offer(q queue) {
	if !c.watches(q.vhost, q.name) {
		c.filtered++
		return
	}
	if len(c.kept) < c.top {
		heap.Push(&c.kept, q)
		return
	}
	c.beyond++
	if less(c.kept[0], q) {
		c.kept[0] = q
		heap.Fix(&c.kept, 0)
	}
}

// queues returns those that are told, by vhost and name.
func (c *choice) queues() []queue {
	out := slices.Clone([]queue(c.kept))
	slices.SortFunc(out, func(a, b queue) int {
		return cmp.Or(strings.Compare(a.vhost, b.vhost), strings.Compare(a.name, b.name))
	})
	return out
}

// less tells whether a is told rather later than b: it has fewer messages. Among
// equals the names decide, so that the choice does not change from one scrape to
// the next.
func less(a, b queue) bool {
	return cmp.Or(cmp.Compare(a.messages, b.messages), strings.Compare(b.vhost, a.vhost), strings.Compare(b.name, a.name)) < 0
}

// fewest is a heap with the queue of fewest messages on top.
type fewest []queue

func (f fewest) Len() int           { return len(f) }
func (f fewest) Less(i, j int) bool { return less(f[i], f[j]) }
func (f fewest) Swap(i, j int)      { f[i], f[j] = f[j], f[i] }
func (f *fewest) Push(x any)        { *f = append(*f, x.(queue)) } //nolint:forcetypeassert // heap hands back what was pushed
func (f *fewest) Pop() any          { last := len(*f) - 1; q := (*f)[last]; *f = (*f)[:last]; return q }
