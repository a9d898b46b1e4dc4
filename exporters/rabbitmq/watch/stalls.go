package watch

import "time"

// maxStalls bounds how many queues are remembered.
const maxStalls = 20_000

// stalls remembers since when the consumers of a queue have finished nothing.
type stalls struct {
	now    time.Time
	blind  bool // the broker counts nothing
	before map[place]progress
	at     map[place]progress
}

type progress struct {
	finished float64
	since    time.Time
}

// renew begins a look at all queues.
func (s *stalls) renew(now time.Time, blind bool) *stalls {
	s.now, s.blind, s.before, s.at = now, blind, s.at, map[place]progress{}
	return s
}

// see compares a queue with what it was at the last look. One that is empty or
// has no consumer does not stall.
func (s *stalls) see(q *queue) {
	if s.blind || q.messages() == 0 || q.Consumers.Value == 0 || len(s.at) >= maxStalls {
		return
	}
	p := progress{q.finished(), s.now}
	if last, ok := s.before[q.place()]; ok && last.finished == p.finished {
		p.since = last.since
	}
	s.at[q.place()] = p
}

// since returns since when a queue stands still.
func (s *stalls) since(at place) (time.Time, bool) {
	p, ok := s.at[at]
	return p.since, ok
}
