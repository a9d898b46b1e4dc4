package updatewatch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

const (
	// summaryPatience is how long the first summary waits for projects whose
	// source has not been asked yet.
	summaryPatience = 10 * time.Minute
	sayAgain        = 30 * time.Second // after a failure, doubled each time
	sayAgainAtMost  = time.Hour
)

// announce compares what a project's message says with how it stands, and has
// it said anew when they differ. The caller holds mu.
func (w *Watcher) announce(p *watched, k *known, now time.Time) {
	if k.Since.IsZero() || w.opts.Say == nil || !p.heard(k) {
		return
	}
	s := p.judge(k)
	open := s.news() || k.Open && s.Waiting()
	switch {
	case open && !k.Open:
		k.Opened = now
	case !open && !k.Open:
		return
	}
	a := s.announcement(k.Opened, now)
	a.Resolved = !open
	said := a.digest()
	if said == k.Said {
		return
	}
	k.Open, k.Said = open, said
	w.post(a)
}

// heard tells whether all who tell what is deployed have been asked once:
// before, news may be none.
func (w *watched) heard(k *known) bool {
	return !slices.ContainsFunc(w.DeployedFrom, func(from string) bool { _, ok := k.Runs[from]; return !ok })
}

// leave closes the post of a project that is followed no more. The caller
// holds mu.
func (w *Watcher) leave(name string, k *known) {
	if _, pending := w.state.Outbox[group(name)]; k.Open || pending {
		w.post(left(name, k.Opened, w.opts.Now()))
	}
}

// post puts an announcement in the outbox, in place of an older one of its
// group. The caller holds mu.
func (w *Watcher) post(a Announcement) {
	w.state.Outbox[a.Group] = &pending{Announcement: a}
	w.dirty = true
	w.nudge()
}

// nudge wakes the one who speaks.
func (w *Watcher) nudge() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// speak looks after deployed versions, says what is in the outbox, and writes
// the state, until ctx ends.
func (w *Watcher) speak(ctx context.Context) {
	tick := time.NewTicker(judgeEvery)
	defer tick.Stop()
	for first := true; ; first = false {
		w.lookAround(ctx, first)
		w.sayAll(ctx)
		w.save(false)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-w.wake:
		}
	}
}

// lookAround asks what is deployed now, and makes what is due besides. All is
// judged anew the first time, then only what has changed.
func (w *Watcher) lookAround(ctx context.Context, first bool) {
	runs := w.askDeployed(ctx)
	if ctx.Err() != nil {
		return // we are ending: that is nobody's failure
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.opts.Now()
	for _, p := range w.all {
		k, changed := w.state.Projects[p.Name], false
		for _, from := range p.DeployedFrom {
			changed = k.hear(from, runs[from]) || changed
		}
		w.dirty = w.dirty || changed
		if changed || first {
			w.announce(p, k, now)
		}
	}
	if w.opts.Say == nil {
		return
	}
	w.summarise(now)
	if every := time.Duration(w.config.Remind); every > 0 && now.Sub(w.state.Reminded) >= every {
		w.state.Reminded, w.dirty = now, true
		if a, ok := reminder(w.statuses(), now); ok {
			w.post(a)
		}
	}
}

// summarise tells of the projects that have been seen for the first time, all
// in one message: when none is missing any more, or when it has waited enough.
func (w *Watcher) summarise(now time.Time) {
	if len(w.state.Baseline) == 0 {
		return
	}
	oldest := now
	for _, name := range w.state.Baseline {
		if k := w.state.Projects[name]; k != nil && k.Since.Before(oldest) {
			oldest = k.Since
		}
	}
	var about []Status
	for _, s := range w.statuses() {
		k := w.state.Projects[s.Name]
		if k.LastCheck.IsZero() && now.Sub(oldest) < summaryPatience {
			return
		}
		if slices.Contains(w.state.Baseline, s.Name) || k.Since.IsZero() {
			about = append(about, s)
		}
	}
	w.state.Baseline = nil
	w.post(summary(about, fmt.Sprintf("updates-summary/%d", oldest.Unix()), now))
}

// sayAll says what is in the outbox and due. Nothing is said before it is
// written that it will be.
func (w *Watcher) sayAll(ctx context.Context) {
	if w.opts.Say == nil {
		return
	}
	w.mu.Lock()
	now := w.opts.Now()
	var due []Announcement
	for _, group := range slices.Sorted(maps.Keys(w.state.Outbox)) {
		if p := w.state.Outbox[group]; !now.Before(p.Next) {
			due = append(due, p.Announcement)
		}
	}
	safe := len(due) == 0 || w.saveLocked(true)
	w.mu.Unlock()
	if !safe {
		return
	}
	for _, a := range due {
		if ctx.Err() != nil {
			return
		}
		w.say(ctx, a)
	}
}

func (w *Watcher) say(ctx context.Context, a Announcement) {
	sayCtx, cancel := context.WithTimeout(ctx, sayPatience)
	err := w.opts.Say(sayCtx, a)
	cancel()
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.state.Outbox[a.Group]
	if err != nil {
		w.said["failed"]++
		if p.Tries == 0 && ctx.Err() == nil {
			w.opts.Log.Warn("an update could not be told yet", "group", a.Group, "err", err)
		}
		p.Tries++
		p.Next = w.opts.Now().Add(min(sayAgainAtMost, sayAgain<<min(p.Tries-1, 10)))
		w.dirty = true
		return
	}
	w.said["ok"]++
	if p.Announcement.digest() == a.digest() { // else there is more to say already
		delete(w.state.Outbox, a.Group)
	}
	w.saveLocked(true)
}
