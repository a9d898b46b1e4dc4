package web

import (
	"context"
	"sync"
	"time"
)

// Bounds of looks that are asked for by GET /probe.
const (
	// maxProbes at once. A look that waits for a server which hangs behind its
	// TLS handshake costs 171 kB of resident memory (BenchmarkProbe_places in
	// internal/app), so all of them cost 44 MB. A Prometheus with 1,000 targets,
	// one look each 30 s, of which a fifth hang for 7 s, has 47 under way.
	maxProbes        = 256
	maxProbesATarget = 4
	// How many may wait for a place, beside those that have one. Who waits
	// holds a connection and no more.
	maxWaiting        = 1024
	maxWaitingATarget = 16
)

// leastLook is the part of a scraper's patience that waiting leaves to the look
// itself: with less, healthy targets would run out of time.
func leastLook(patience time.Duration) time.Duration { return min(patience/2, 2*time.Second) }

// A queue gives looks their places: so many a target, and so many in all. Who
// waits for a target's place holds none of all, so that looks at one target
// that hangs never keep others from theirs. Its zero value is not ready.
type queue struct {
	places chan struct{} // one for each look under way

	mu      sync.Mutex // guards what follows, and asked of each line
	targets map[string]*line
	asked   int // looks under way, and those that wait
}

// line is those who look at one target, or want to.
type line struct {
	places chan struct{}
	asked  int
}

func newQueue() *queue {
	return &queue{places: make(chan struct{}, maxProbes), targets: map[string]*line{}}
}

// enter takes a place for a look at a target and returns how to leave it, and
// how long that took: 0 where a place was free. Without a place in time, or
// with too many who wait, it is not ok.
func (q *queue) enter(ctx context.Context, target string, patience time.Duration) (leave func(), waited time.Duration, ok bool) {
	l := q.join(target)
	if l == nil {
		return nil, 0, false
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	first, ok := take(ctx, l.places)
	if !ok {
		q.part(target, l)
		return nil, 0, false
	}
	second, ok := take(ctx, q.places)
	if !ok {
		<-l.places
		q.part(target, l)
		return nil, 0, false
	}
	if first || second {
		waited = time.Since(began)
	}
	return func() {
		<-q.places
		<-l.places
		q.part(target, l)
	}, waited, true
}

// take fills one of places, and says whether it had to wait; it is not ok when
// ctx ended first.
func take(ctx context.Context, places chan<- struct{}) (waited, ok bool) {
	select {
	case places <- struct{}{}:
		return false, true
	default:
	}
	select {
	case places <- struct{}{}:
		return true, true
	case <-ctx.Done():
		return true, false
	}
}

// join adds one to a target's line; nil where too many are there.
func (q *queue) join(target string) *line {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.targets[target]
	if l == nil {
		l = &line{places: make(chan struct{}, maxProbesATarget)}
	}
	if q.asked >= maxProbes+maxWaiting || l.asked >= maxProbesATarget+maxWaitingATarget {
		return nil
	}
	q.targets[target] = l
	q.asked++
	l.asked++
	return l
}

func (q *queue) part(target string, l *line) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asked--
	if l.asked--; l.asked == 0 {
		delete(q.targets, target)
	}
}
