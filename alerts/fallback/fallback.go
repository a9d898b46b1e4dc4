package fallback

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"tocsin/alerts"
)

// Options are what the wrapper needs. All may be zero.
type Options struct {
	After  time.Duration // how long the first may fail, as Config.After says; negative is not at all
	Logger *slog.Logger
	Now    func() time.Time
}

// How the first voice is asked again for what it missed.
const (
	pass         = 30 * time.Second // between two passes of Run
	refusedPause = 5 * time.Minute  // for what it refused for good
	giveUpAfter  = 24 * time.Hour
	secondLimit  = 45 * time.Second // for one message by the second voice
)

// A Voice says notifications by a first voice and, where that fails, by a
// second. It implements alerts.Voice.
type Voice struct {
	first, second alerts.Voice
	after         time.Duration
	log           *slog.Logger
	now           func() time.Time

	telling sync.Mutex // held while the second tells that the first is down or back

	mu     sync.Mutex // guards what follows
	groups map[string]*group
	owing  int       // how many groups are owed something
	down   time.Time // since when the first is known to be down; zero: it is not
}

// group is a group for which the first voice fails, or which is being said.
type group struct {
	busy chan struct{} // holds one value while the group is said; guards what follows but users

	failing time.Time            // since when the first fails; zero: it does not
	owed    *alerts.Notification // what the second said, and the first has not
	next    time.Time            // when the first is asked for that again

	users int // who holds or waits for busy; guarded by Voice.mu
}

// New returns a voice that says by second what first can't.
func New(first, second alerts.Voice, opts Options) *Voice {
	if opts.After == 0 {
		opts.After = 2 * time.Minute
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Voice{
		first: first, second: second, after: opts.After, log: opts.Logger, now: opts.Now,
		groups: make(map[string]*group),
	}
}

// Name implements alerts.Voice: it is the first voice's name.
func (v *Voice) Name() string { return v.first.Name() }

// Say implements alerts.Voice. It succeeds when either voice has said n; what
// the first missed is given to it again by Run.
func (v *Voice) Say(ctx context.Context, n alerts.Notification) (bool, error) {
	g, err := v.enter(ctx, n.Group)
	if err != nil {
		return true, err
	}
	defer v.leave(n.Group, g)
	retry, err := v.first.Say(ctx, n)
	now := v.now()
	if err == nil {
		g.failing = time.Time{}
		v.owe(g, nil)
		v.back(ctx)
		return retry, nil
	}
	if g.failing.IsZero() {
		g.failing = now
	}
	if errors.Is(ctx.Err(), context.Canceled) || retry && now.Sub(g.failing) < v.after {
		return retry, err
	}
	// The first may have used up all of ctx's time.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), secondLimit)
	defer cancel()
	v.tellDown(ctx, err)
	again, secondErr := v.second.Say(ctx, n)
	if secondErr != nil {
		return retry || again, errors.Join(err, secondErr)
	}
	g.next = v.pause(retry)
	v.owe(g, &n)
	return false, nil
}

// Run gives the first voice again what it missed, until ctx ends.
func (v *Voice) Run(ctx context.Context) {
	tick := time.NewTicker(pass)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			v.repay(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// repay makes one pass over what is owed. It ends at the first failure that
// would meet the others too.
func (v *Voice) repay(ctx context.Context) {
	v.mu.Lock()
	names := make([]string, 0, len(v.groups))
	for name := range v.groups {
		names = append(names, name)
	}
	v.mu.Unlock()
	for _, name := range names {
		if ctx.Err() != nil || v.repayGroup(ctx, name) {
			return
		}
	}
}

func (v *Voice) repayGroup(ctx context.Context, name string) (stop bool) {
	g, err := v.enter(ctx, name)
	if err != nil {
		return true
	}
	defer v.leave(name, g)
	if g.owed == nil {
		if v.now().Sub(g.failing) > giveUpAfter {
			g.failing = time.Time{} // it was never said again
		}
		return false
	}
	if v.now().Before(g.next) {
		return false
	}
	limited, cancel := context.WithTimeout(ctx, pass)
	defer cancel()
	retry, err := v.first.Say(limited, *g.owed)
	switch {
	case err == nil:
		g.failing = time.Time{}
		v.owe(g, nil)
		v.back(ctx)
		return false
	case v.now().Sub(g.failing) > giveUpAfter:
		v.log.Error("a message was said by the second voice only", "voice", v.first.Name(), "group", name, "error", err)
		g.failing = time.Time{}
		v.owe(g, nil)
		return false
	}
	g.next = v.pause(retry)
	return retry
}

// owe notes what the first still has to say. The caller has g for itself.
func (v *Voice) owe(g *group, n *alerts.Notification) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if g.owed != nil {
		v.owing--
	}
	if n != nil {
		v.owing++
	}
	g.owed = n
}

// pause is when the first is asked again.
func (v *Voice) pause(retry bool) time.Time {
	if retry {
		return v.now()
	}
	return v.now().Add(refusedPause)
}

// enter returns the group, which the caller then has for itself until leave.
func (v *Voice) enter(ctx context.Context, name string) (*group, error) {
	v.mu.Lock()
	g := v.groups[name]
	if g == nil {
		g = &group{busy: make(chan struct{}, 1)}
		v.groups[name] = g
	}
	g.users++
	v.mu.Unlock()
	select {
	case g.busy <- struct{}{}:
		return g, nil
	case <-ctx.Done():
		v.mu.Lock()
		defer v.mu.Unlock()
		g.users--
		return nil, fmt.Errorf("wait for the group: %w", ctx.Err())
	}
}

// leave gives the group back. One that nobody needs is forgotten.
func (v *Voice) leave(name string, g *group) {
	v.mu.Lock()
	defer v.mu.Unlock()
	g.users--
	if g.failing.IsZero() && g.owed == nil && g.users == 0 {
		delete(v.groups, name)
	}
	<-g.busy
}
