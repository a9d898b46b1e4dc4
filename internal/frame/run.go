package frame

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// missedIntervals is after how many intervals without a new result the samples
// of a collector with its own clock leave the page.
const missedIntervals = 3

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

func (r *run) explain() string {
	if e, ok := r.entry.Collector.(Explainer); ok {
		return e.Explain()
	}
	return ""
}
