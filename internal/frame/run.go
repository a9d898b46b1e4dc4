package frame

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// missedIntervals is after how many intervals without a new result the samples
// of a collector with its own clock leave the page.
const missedIntervals = 3

// quickRetries is how many failures in a row are looked at again soon.
const quickRetries = 6

// vainRetry is how soon a run that could not measure is made again at first,
// where Retry is longer: nobody was asked, or nobody answered, so nobody minds.
// A machine whose network comes up late is to wait for no hours.
const vainRetry = time.Minute

// maxFirst is how long a few collectors with their own clocks put their first
// run off at most.
const maxFirst = 5 * time.Second

// run is one collector of a target, with how it stands.
type run struct {
	entry Entry
	spec  *Spec // of the target
	log   *slog.Logger

	mu      sync.Mutex // guards what follows
	flight  *flight    // nil: nobody waits for a run now
	running bool       // a run has not returned; without a flight, it was left behind
	state   State
	count   int   // failures in a row
	kept    *kept // newest result, where the collector has its own clock
	keptAt  time.Time
}

// A flight is a run that is waited for.
type flight struct {
	done chan struct{}
	sent map[string]*family // set before done is closed
}

// once runs the collector under ctx's deadline and returns what it sent by
// then. Whoever asks during a run shares it: its deadline too. A collector that
// does not come back is left behind; until it returns it is not called again.
func (r *run) once(ctx context.Context) map[string]*family {
	r.mu.Lock()
	f := r.flight
	if f != nil {
		r.mu.Unlock()
		select {
		case <-f.done:
			return f.sent
		case <-ctx.Done():
			return nil
		}
	}
	f = &flight{done: make(chan struct{})}
	r.flight = f
	r.mu.Unlock()
	f.sent = r.fly(ctx)
	r.mu.Lock()
	r.flight = nil
	r.mu.Unlock()
	close(f.done)
	return f.sent
}

func (r *run) fly(ctx context.Context) map[string]*family {
	start := time.Now()
	sink := NewSink(r.entry.Collector.Families())
	if !r.begin(start) {
		r.finish(start, Fail(ReasonStillRunning, errors.New("an earlier run has not returned yet")))
		return nil
	}
	done := make(chan error, 1)
	go func() {
		err := r.collect(ctx, sink)
		r.mu.Lock()
		r.running = false
		r.mu.Unlock()
		done <- err
	}()

	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		err = Fail(ReasonTimeout, fmt.Errorf("did not finish within %s", time.Since(start).Round(time.Millisecond)))
	}
	sent, rejected := sink.seal()
	if len(rejected) > 0 {
		err = errors.Join(err, Fail(ReasonInvalid, errors.Join(rejected...)))
	}
	r.finish(start, err)
	return sent
}

func (r *run) begin(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running {
		return false
	}
	r.running = true
	r.state.LastRun = now
	return true
}

// collect calls the collector and turns a panic into an error.
func (r *run) collect(ctx context.Context, sink *Sink) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.logger().Error("collector panicked", "panic", p, "stack", string(debug.Stack()))
			err = Fail(ReasonPanic, fmt.Errorf("panic: %v", p))
		}
	}()
	return r.entry.Collector.Collect(ctx, sink)
}

// logger says whose run it is. It is made when there is something to say: of
// thousands of runs each would keep one.
func (r *run) logger() *slog.Logger {
	return r.log.With("job", r.spec.Job, "instance", r.spec.Instance, "collector", r.entry.Collector.Name())
}

// finish notes how a run ended, and logs a change of state once.
func (r *run) finish(start time.Time, err error) {
	if errors.Is(err, ErrNoData) {
		err = nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	r.state.Duration = now.Sub(start)
	if err == nil {
		if r.count > 0 {
			r.logger().Info("collector recovered", "failures", r.count, "after", now.Sub(r.state.FailedSince).Round(time.Second))
		}
		r.count = 0
		r.state.LastSuccess, r.state.Reason, r.state.Error, r.state.FailedSince = now, "", "", time.Time{}
		return
	}
	reason := ReasonOf(err)
	if reason != r.state.Reason {
		r.logger().Warn("collector failed", "reason", reason, "err", err)
	}
	if r.count == 0 {
		r.state.FailedSince = now
	}
	r.count++
	r.state.Reason, r.state.Error = reason, err.Error()
}

// tick runs the collector on its own clock until ctx ends. When in an interval
// it runs is decided by the name, so that many targets are spread over it
// evenly. The first run does not wait for that moment, but comes soon, put off
// by as much as the entry says that those of all targets take.
func (r *run) tick(ctx context.Context, name string) {
	every := r.entry.Every
	timeout := r.entry.Timeout
	if timeout == 0 {
		timeout = time.Duration(float64(every) * deadlineShare)
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(name + r.entry.Collector.Name()))
	hash := h.Sum64()
	soon := min(max(r.entry.Spread, min(every/10, maxFirst)), every)
	timer := time.NewTimer(time.Duration(hash % uint64(soon+1)))
	defer timer.Stop()
	bad, vain := 0, 0 // in a row: runs to be made again soon, and those that could not measure
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		began := time.Now()
		runCtx, cancel := context.WithTimeout(ctx, timeout)
		sent := r.once(runCtx)
		cancel()
		next := untilTurn(began, every, hash)
		failed := r.failed()
		if r.entry.Retry > 0 && (failed || r.explain() != "") {
			bad++
			next = min(again(r.entry.Retry, bad, every), next)
		} else {
			bad = 0
		}
		if r.entry.Retry > 0 && failed {
			vain++
			next = min(againInVain(vain), next)
		} else {
			vain = 0
		}
		timer.Reset(max(next-time.Since(began), 0))
		r.mu.Lock()
		if len(sent) > 0 || r.state.Reason == "" { // a success without samples is a result too
			r.kept, r.keptAt = keep(sent), time.Now()
		}
		r.mu.Unlock()
	}
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

// newest returns what the collector sent last, unless it is too old to be
// believed.
func (r *run) newest(now time.Time) map[string]*family {
	r.mu.Lock()
	if now.Sub(r.keptAt) > missedIntervals*r.entry.Every {
		r.kept = nil
	}
	k := r.kept
	r.mu.Unlock()
	return k.page()
}

func (r *run) snapshot() State {
	explain, aside := r.explain(), ""
	if a, ok := r.entry.Collector.(Asider); ok {
		aside = a.Aside()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.state
	s.Collector, s.Running = r.entry.Collector.Name(), r.running
	s.Explain, s.Aside = explain, aside
	return s
}

// failed tells whether the newest run failed.
func (r *run) failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Reason != ""
}

func (r *run) explain() string {
	if e, ok := r.entry.Collector.(Explainer); ok {
		return e.Explain()
	}
	return ""
}
