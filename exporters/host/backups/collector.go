package backups

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"tocsin/internal/frame"
)

// Interval is how often backups are looked at.
const Interval = 5 * time.Minute

// deadlineShare is how much of the time to its deadline the collector waits
// for places; the rest is for sending what it has.
const deadlineShare = 0.9

// Options are what a collector needs to know beside its configuration.
type Options struct {
	// Location is the time zone that days begin in.
	Location *time.Location
	// Covered tells for all that a backup could cover, and for all that one
	// does, whether one does.
	Covered map[string]bool
	// Now tells the time; time.Now if nil.
	Now func() time.Time
}

// New returns the collector with a clock of its own. The list is one that
// SetDefaults has filled and Validate has found nothing wrong with.
func New(list List, o Options) frame.Entry {
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &collector{options: o}
	for i := range list {
		c.watched = append(c.watched, newWatched(&list[i], o.Location))
	}
	return frame.Entry{Collector: c, Every: Interval}
}

// collector is the collector backups.
//
// Each place is looked at in a goroutine of its own: one on a file server that
// does not answer costs that place, and is not looked at again until its look
// has come back.
type collector struct {
	options Options
	watched []*watched
}

// Name implements frame.Collector.
func (c *collector) Name() string { return "backups" }

// Families implements frame.Collector.
func (c *collector) Families() []*frame.Family { return Families() }

// Collect implements frame.Collector. The error names the places that could not
// be looked at, with what to do.
func (c *collector) Collect(ctx context.Context, s *frame.Sink) error {
	now := c.options.Now()
	for _, what := range slices.Sorted(maps.Keys(c.options.Covered)) {
		s.Send(uncoveredFamily, truth(!c.options.Covered[what]), what)
	}
	var places []*place
	for _, w := range c.watched {
		places = append(places, w.places...)
		if w.restore != nil {
			places = append(places, w.restore)
		}
	}
	results := lookAt(ctx, places, now)
	var errs []error
	for _, w := range c.watched {
		errs = append(errs, w.send(s, results, now, c.options.Location))
	}
	return failure(errors.Join(errs...))
}

// failure gives what could not be looked at the frame's reason. It is a part
// of the whole: all else was measured.
func failure(err error) error {
	var first *placeError
	switch {
	case !errors.As(err, &first):
		return err
	case first.reason == reasonPermission:
		return frame.Fail(frame.ReasonPermission, err)
	case first.reason == reasonStalled:
		return frame.Fail(frame.ReasonStalled, err)
	default:
		return frame.Fail(frame.ReasonError, err)
	}
}

// result is what came of one look.
type result struct {
	finding
	err *placeError
}

// place is one place where a backup lies.
type place struct {
	name, what string // the label; the path in the site file's words
	offSite    bool
	copy       *Copy // nil: it is where the backup lies first
	source     source
	busy       atomic.Bool // a look has not come back yet
}

// lookAt looks at all places side by side. Whoever has not answered when the
// time is nearly up is stalled.
func lookAt(ctx context.Context, places []*place, now time.Time) map[*place]result {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(float64(time.Until(deadline))*deadlineShare))
		defer cancel()
	}
	type answer struct {
		from *place
		result
	}
	answers := make(chan answer, len(places))
	results := make(map[*place]result, len(places))
	asked := 0
	for _, p := range places {
		results[p] = result{err: explained(fmt.Errorf("%s: %w", p.what, context.DeadlineExceeded))}
		if !p.busy.CompareAndSwap(false, true) {
			continue
		}
		asked++
		go func() { // ends when the file system answers
			found, err := p.look(ctx, now)
			p.busy.Store(false)
			answers <- answer{p, result{found, err}}
		}()
	}
	for range asked {
		select {
		case a := <-answers:
			results[a.from] = a.result
		case <-ctx.Done():
			return results
		}
	}
	return results
}

// look asks the source, and makes an error of a panic: a file that nobody has
// seen before must not end the program.
func (p *place) look(ctx context.Context, now time.Time) (found finding, wrong *placeError) {
	defer func() {
		if r := recover(); r != nil {
			wrong = &placeError{reasonError, fmt.Errorf("%s: panic: %v", p.what, r), "please report it"}
		}
	}()
	found, err := p.source.look(ctx, now)
	if err != nil {
		return finding{}, explained(err)
	}
	return found, nil
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
