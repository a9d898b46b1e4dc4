package updatewatch

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"tocsin/updatewatch/forge"
)

const (
	firstPages  = 5 // of an API, at first and after a gap
	jitter      = 0.1
	firstRetry  = time.Minute // after a failure, doubled each time
	retryAtMost = 6 * time.Hour
)

// byHost groups the projects by the host that is asked: each host has one
// goroutine, so that no host waits for another.
func (w *Watcher) byHost() map[string][]*watched {
	groups := map[string][]*watched{}
	for _, p := range w.all {
		groups[p.host] = append(groups[p.host], p)
	}
	return groups
}

// follow asks for the projects of one host, each when it is due.
func (w *Watcher) follow(ctx context.Context, group []*watched) {
	for ctx.Err() == nil {
		next, due := w.earliest(group)
		timer := time.NewTimer(due.Sub(w.opts.Now()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		select {
		case <-ctx.Done():
			return
		case w.slots <- struct{}{}:
		}
		w.check(ctx, next, group)
		<-w.slots
	}
}

// earliest returns the project that is due first. What the state says is not
// due is not asked, after a restart too.
func (w *Watcher) earliest(group []*watched) (next *watched, due time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range group {
		at := w.state.Projects[p.Name].NextCheck
		if latest := w.opts.Now().Add(2 * max(p.every(), retryAtMost)); at.After(latest.Add(24 * time.Hour)) {
			at = latest // the clock was wrong once
		}
		if next == nil || at.Before(due) {
			next, due = p, at
		}
	}
	return next, due
}

// check asks for one project and takes in what was said.
func (w *Watcher) check(ctx context.Context, p *watched, group []*watched) {
	w.mu.Lock()
	k := w.state.Projects[p.Name]
	q := forge.Question{Source: p.source, Validators: k.Validators, Pages: 1}
	if k.Since.IsZero() || k.Overrun {
		q.Pages = firstPages
	}
	w.mu.Unlock()

	began := w.opts.Now()
	a, err := w.client.Ask(ctx, q)
	if ctx.Err() != nil {
		return // we are ending: that is nobody's failure
	}

	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.opts.Now()
	if err == nil {
		err = p.usable(k, a)
	}
	k.LastCheck, k.Took = now, now.Sub(began).Seconds()
	w.dirty = true
	if err != nil {
		w.failed(p, k, group, err, now)
	} else {
		w.answered(p, k, a, now)
	}
	w.announce(p, k, now)
}

// usable refuses an answer that a project which has releases cannot have.
func (p *watched) usable(k *known, a forge.Answer) error {
	if a.NotModified {
		return nil
	}
	if len(a.Releases) == 0 {
		return forge.Fail(forge.NoReleases, "%s lists no releases; does the project only have tags? Then write tags: true", p.host)
	}
	found, rejected := p.sift(a.Releases)
	if len(found) == 0 && len(k.Versions) == 0 {
		return forge.Fail(forge.NoMatch, "none of %d tags is a version by the pattern; the newest is %.60q", rejected, a.Releases[0].Tag)
	}
	return nil
}

func (w *Watcher) answered(p *watched, k *known, a forge.Answer, now time.Time) {
	if k.Fails > 0 {
		w.opts.Log.Info("releases can be read again", "project", p.Name, "failures", k.Fails)
	}
	delete(w.refused, p.Name)
	k.Fails, k.Reason, k.Error = 0, "", ""
	k.LastOK = now
	k.NextCheck = now.Add(spread(p.every()))
	if a.NotModified {
		return
	}
	if a.MovedTo != k.MovedTo && a.MovedTo != "" {
		w.opts.Log.Warn("a project has moved: write its new address in the site file", "project", p.Name, "to", a.MovedTo)
	}
	k.MovedTo = a.MovedTo
	first := k.Since.IsZero()
	p.learn(k, a, now)
	k.Validators = a.Validators
	if k.Overrun {
		k.Validators = forge.Validators{} // look again, and further back
	}
	if first {
		w.state.Baseline = append(w.state.Baseline, p.Name)
		w.nudge()
	}
}

// failed notes a failure. A host that asked to be left alone is left alone by
// all of its projects.
func (w *Watcher) failed(p *watched, k *known, group []*watched, err error, now time.Time) {
	reason, retryAt := forge.Unreadable, time.Time{}
	if e, ok := errors.AsType[*forge.Error](err); ok {
		reason, retryAt = e.Reason, e.RetryAt
	}
	k.Fails++
	k.Reason, k.Error = reason, err.Error()
	wait := spread(min(retryAtMost, firstRetry<<min(k.Fails-1, 10)))
	if reason == forge.Gone {
		wait = 24 * time.Hour
	}
	k.NextCheck = now.Add(wait)
	if w.refused[p.Name] != reason {
		w.opts.Log.Warn("releases cannot be read", "project", p.Name, "reason", reason, "err", err)
		w.refused[p.Name] = reason
	}
	if retryAt.IsZero() {
		return
	}
	for _, other := range group {
		if o := w.state.Projects[other.Name]; o.NextCheck.Before(retryAt) {
			o.NextCheck = retryAt.Add(time.Second)
		}
	}
}

// spread keeps many projects from being due at one moment.
func spread(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (1 - jitter + 2*jitter*rand.Float64()))
}
