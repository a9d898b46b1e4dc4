package brick

import (
	"sync"
	"time"

	"tocsin/bricks"
	"tocsin/exporters/brick/adapter"
)

// outcome is how one request stands.
type outcome struct {
	answer  *adapter.Answer  // the newest one that could be read; nil: none, or it is too old
	at      time.Time        // when that was
	failure *adapter.Failure // why the newest attempt failed; nil: it did not
	took    time.Duration
	asked   bool // at least once
}

// answers keeps the newest outcome of each request that has its own clock.
type answers struct {
	mu   sync.Mutex // guards kept
	kept map[string]outcome
}

func (a *answers) put(name string, o outcome) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if o.answer == nil { // the last good one serves for a while
		old := a.kept[name]
		o.answer, o.at = old.answer, old.at
	}
	a.kept[name] = o
}

// missed is after how many intervals without an answer the last one is no
// longer believed.
const missed = 3

func (a *answers) get(name string, every time.Duration, now time.Time) outcome {
	a.mu.Lock()
	defer a.mu.Unlock()
	o := a.kept[name]
	if now.Sub(o.at) > missed*every {
		o.answer = nil
		if o.asked && o.failure == nil {
			o.failure = &adapter.Failure{Reason: bricks.Timeout, Words: "it has not answered for some time"}
		}
	}
	return o
}

// state is what expressions see of all requests.
type state struct {
	outcomes  map[string]outcome
	documents map[string]any
	kind      bricks.Kind
}

func newState(k bricks.Kind, outcomes map[string]outcome) state {
	s := state{outcomes: outcomes, documents: map[string]any{}, kind: k}
	for name, o := range outcomes {
		if o.answer != nil {
			s.documents[name] = o.answer.Document()
		}
	}
	return s
}

// standing says whether what reads these requests can be made.
type standing int

const (
	ready   standing = iota // there are answers
	failed                  // a request that must be answered was not
	without                 // absent by right: not asked, or an optional one without answer
	pending                 // not asked yet
)

// of looks at the requests that an expression reads. Optional ones that are
// not there are for the expression to see.
func (s state) of(reads []string) standing {
	absent := 0
	for _, name := range reads {
		o, asked := s.outcomes[name]
		switch {
		case asked && !o.asked:
			return pending
		case o.answer != nil:
		case asked && !s.kind.Requests[name].Optional:
			return failed
		default:
			absent++
		}
	}
	if len(reads) > 0 && absent == len(reads) {
		return without
	}
	return ready
}
