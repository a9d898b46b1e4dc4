package frame

import (
	"context"
	"hash/fnv"
	"sync"
	"time"
)

// quickRetries is how many failures in a row are looked at again soon.
const quickRetries = 6

// vainRetry is how soon a run that could not measure is made again at first,
// where Retry is longer: nobody was asked, or nobody answered, so nobody minds.
// A machine whose network comes up late is to wait for no hours.
const vainRetry = time.Minute

// maxFirst is how long a few collectors with their own clocks put their first
// run off at most.
const maxFirst = 5 * time.Second

// A clock runs a collector once an interval until ctx ends. When in an interval
// is decided by the name, so that many targets are spread over it evenly. The
// first run does not wait for that moment, but comes soon, put off by as much
// as the entry says that those of all targets take.
//
// Between its runs it is a timer and no goroutine: a site may have thousands.
type clock struct {
	run       *run
	ctx       context.Context //nolint:containedctx // it lives as long as the clock
	hash      uint64
	done      *sync.WaitGroup
	bad, vain int // in a row: runs to be made again soon, and those that could not measure

	mu    sync.Mutex // guards what follows
	timer *time.Timer
	ended bool
}

// start lets the clock of a run go. When ctx has ended and the run under way has
// returned, done has one less.
func (r *run) start(ctx context.Context, name string, done *sync.WaitGroup) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name + r.entry.Collector.Name()))
	c := &clock{run: r, ctx: ctx, hash: h.Sum64(), done: done}
	every := r.entry.Every
	soon := min(max(r.entry.Spread, min(every/10, maxFirst)), every)
	done.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer = time.AfterFunc(time.Duration(c.hash%uint64(soon+1)), c.strike)
	context.AfterFunc(ctx, c.end) // never taken off: it goes with ctx
}

// end stops the clock, unless it is striking: then strike does.
func (c *clock) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if c.timer.Stop() {
		c.done.Done()
	}
}

// strike runs the collector, keeps what it sent, and sets the clock anew.
func (c *clock) strike() {
	if c.ctx.Err() != nil {
		c.done.Done()
		return
	}
	r := c.run
	timeout := r.entry.Timeout
	if timeout == 0 {
		timeout = time.Duration(float64(r.entry.Every) * deadlineShare)
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(c.ctx, timeout)
	sent := r.once(ctx)
	cancel()
	r.mu.Lock()
	failed := r.state.Reason != ""
	if len(sent) > 0 || !failed { // a success without samples is a result too
		r.kept, r.keptAt = keep(sent), time.Now()
	}
	r.mu.Unlock()
	next := c.next(began, failed)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		c.done.Done()
		return
	}
	c.timer.Reset(max(next-time.Since(began), 0))
}

// next is how long after the run that began then the next is due.
func (c *clock) next(began time.Time, failed bool) time.Duration {
	e := &c.run.entry
	next := untilTurn(began, e.Every, c.hash)
	if e.Retry > 0 && (failed || c.run.explain() != "") {
		c.bad++
		next = min(again(e.Retry, c.bad, e.Every), next)
	} else {
		c.bad = 0
	}
	if e.Retry > 0 && failed {
		c.vain++
		next = min(againInVain(c.vain), next)
	} else {
		c.vain = 0
	}
	return next
}

// again is how soon a collector runs again after so many failures in a row: soon
// at first, to know for sure and to see it mended; then ever later, up to its
// interval. When the network of thousands of probes fails, they would else be
// made several times as often as otherwise, for as long as it lasts.
func again(retry time.Duration, bad int, every time.Duration) time.Duration {
	for ; bad > quickRetries && retry < every; bad-- {
		retry *= 2
	}
	return retry
}

// againInVain is how soon a collector runs again at the latest after so many
// runs in a row that could not measure: each time twice as late.
func againInVain(vain int) time.Duration { return vainRetry << min(vain-1, 16) }

// untilTurn is how long after began the next run is due: an interval, or more
// or less by up to a half where the run was not made at its own moment.
func untilTurn(began time.Time, every time.Duration, hash uint64) time.Duration {
	turn := time.Duration(hash % uint64(every)) //nolint:gosec // every is positive
	late := (time.Duration(began.UnixNano())%every - turn + every) % every
	if late < every/2 {
		return every - late
	}
	return 2*every - late
}
