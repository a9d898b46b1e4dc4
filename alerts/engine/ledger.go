package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"
)

const (
	// untoldFor is how long an alert that has ended is remembered when nobody
	// took the message: a channel that was away for a day still turns green.
	untoldFor = 24 * time.Hour
	// repeatAll is how often all that is known is handed on again: whatever
	// Alertmanager forgot, or was not told, comes right by it.
	repeatAll = time.Minute
	// noDataGrace is how long data may be missing before it is said.
	noDataGrace = 15 * time.Second
	// settledAfter is how many evaluations a group needs after a start for its
	// state to be right: pending alerts are restored after the second.
	settledAfter = 3
	maxLedger    = 64 << 20
)

// An entry is one alert that was handed to Alertmanager.
type entry struct {
	Labels      model.LabelSet `json:"labels"`
	Annotations model.LabelSet `json:"annotations"`
	StartsAt    time.Time      `json:"starts_at"`
	EndsAt      time.Time      `json:"ends_at,omitzero"`       // zero while it fires
	MissingAt   time.Time      `json:"missing_at,omitzero"`    // since when its data is missing
	NoDataSince time.Time      `json:"no_data_since,omitzero"` // the same, once it is to be said
	Unwatched   bool           `json:"unwatched,omitempty"`
	Reworded    bool           `json:"reworded,omitempty"` // its words changed, and the channel does not show it yet

	doubted bool // it was last found without data: one good look is not enough to end it
}

func (e *entry) name() string                   { return string(e.Labels[model.AlertNameLabel]) }
func (e *entry) fingerprint() model.Fingerprint { return e.Labels.Fingerprint() }

// ledger knows what fires, and alone decides what has ended. Prometheus' rules
// forget an alert as soon as their query returns nothing, whether the trouble
// ended, the data vanished, or the process restarted; the ledger tells these
// apart, and survives kill -9: it is written before anything is handed on.
//
// take and repeat are called by one goroutine, which alone judges; the mutex
// is not held while it does.
type ledger struct {
	file    string
	log     *slog.Logger
	judge   func(ctx context.Context, e entry, s *ruleState, at time.Time) verdict
	put     func(ctx context.Context, entries []entry)
	refresh func(ctx context.Context, entries []entry) // their words changed: show it, without noise

	groups map[string]finding // the newest of each group; used by the one goroutine

	mu      sync.Mutex // guards what follows
	entries map[model.Fingerprint]*entry
	written []byte // digest of the newest write
}

// load reads the ledger of the last life. A file that cannot be read is set
// aside: better to say a thing twice than to refuse to watch.
func (l *ledger) load() error {
	l.entries, l.groups = map[model.Fingerprint]*entry{}, map[string]finding{}
	info, err := os.Stat(l.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read alerts: %w", err)
	}
	var list []*entry
	b, err := os.ReadFile(l.file)
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil || info.Size() > maxLedger {
		aside := l.file + ".broken"
		l.log.Error("remembered alerts are unreadable: what fires is said again, what ended meanwhile stays red in the channel",
			"err", err, "set_aside", aside)
		return os.Rename(l.file, aside)
	}
	for _, e := range list {
		if e != nil && len(e.Labels) > 0 && !e.StartsAt.IsZero() {
			e.doubted = true // nothing was seen of it in this life
			l.entries[e.fingerprint()] = e
		}
	}
	return nil
}

// take compares what a group said with what is known of its alerts.
func (l *ledger) take(ctx context.Context, f finding) {
	l.groups[f.group] = f
	l.work(ctx, f, func(e *entry) (*ruleState, bool) {
		s, ok := f.rules[e.name()]
		return s, ok && f.count >= settledAfter && s.healthy
	})
}

// prune ends what no rule watches any more. groups are those that exist now.
func (l *ledger) prune(ctx context.Context, groups []string) {
	named, settled := map[string]bool{}, true
	for key := range l.groups {
		if !slices.Contains(groups, key) {
			delete(l.groups, key)
		}
	}
	for _, key := range groups {
		f, ok := l.groups[key]
		settled = settled && ok && f.count >= settledAfter
		for name := range f.rules {
			named[name] = true
		}
	}
	if settled {
		l.work(ctx, finding{at: time.Now()}, func(e *entry) (*ruleState, bool) { return nil, !named[e.name()] })
	}
}

// work judges the entries that were asked for, notes what is new, writes, and
// hands on what changed.
func (l *ledger) work(ctx context.Context, f finding, asked func(*entry) (*ruleState, bool)) {
	now := time.Now()
	// What a rule confirms needs no judge; of the rest copies are judged, so
	// that nobody waits for the queries.
	l.mu.Lock()
	var doubtful []entry
	for fp, e := range l.entries {
		s, ok := asked(e)
		if s != nil {
			if _, active := s.active[fp]; active {
				continue
			}
		}
		if ok && e.EndsAt.IsZero() {
			doubtful = append(doubtful, *e)
		}
	}
	l.mu.Unlock()
	verdicts := map[model.Fingerprint]verdict{}
	for _, e := range doubtful {
		s, _ := asked(&e)
		verdicts[e.fingerprint()] = l.judge(ctx, e, s, f.at)
	}

	l.mu.Lock()
	var changed, reworded []entry
	for fp, v := range verdicts {
		e, ok := l.entries[fp]
		if !ok || !e.EndsAt.IsZero() {
			continue
		}
		said := e.NoDataSince
		if e.settle(v, now) {
			changed = append(changed, *e)
		}
		if e.EndsAt.IsZero() && said.IsZero() != e.NoDataSince.IsZero() {
			e.Reworded = true
			reworded = append(reworded, *e)
		}
	}
	for _, s := range f.rules {
		for fp, c := range s.active {
			e, known := l.entries[fp]
			switch {
			case !known && c.firing:
				e = &entry{Labels: c.labels, Annotations: c.annotations, StartsAt: c.since}
				l.entries[fp] = e
				changed = append(changed, *e)
			case known:
				was := !e.NoDataSince.IsZero()
				if e.confirm(c) {
					changed = append(changed, *e)
				}
				if was {
					e.Reworded = true
					reworded = append(reworded, *e)
				}
			}
		}
	}
	if err := l.write(); err != nil {
		// Go on: an alert that was told and is not remembered is better than
		// one that is not told.
		l.log.Error("alerts could not be remembered", "err", err)
	}
	l.mu.Unlock()
	if len(changed) > 0 {
		l.put(ctx, changed)
	}
	if len(reworded) > 0 {
		l.refresh(ctx, reworded)
	}
}

// confirm brings an entry up to date with its rule, and tells whether
// Alertmanager must know.
func (e *entry) confirm(c confirmation) bool {
	changed := !e.NoDataSince.IsZero()
	e.MissingAt, e.NoDataSince, e.doubted = time.Time{}, time.Time{}, false
	if !c.firing {
		return changed
	}
	if !e.EndsAt.IsZero() {
		e.StartsAt, e.EndsAt, e.Unwatched = c.since, time.Time{}, false
		changed = true
	}
	if !maps.Equal(e.Annotations, c.annotations) {
		e.Annotations = c.annotations
		changed = true
	}
	return changed
}

// settle applies a verdict about an alert that its rule does not confirm, and
// tells whether Alertmanager must know.
func (e *entry) settle(v verdict, now time.Time) bool {
	switch v {
	case ended:
		if e.doubted {
			// Data is just back: the rule, or what is recorded for it, may not
			// have seen it yet. The next look decides.
			e.doubted = false
			return false
		}
		e.end(now)
	case unwatched:
		e.Unwatched = true
		e.end(now)
	case noData:
		e.doubted = true
		if e.MissingAt.IsZero() {
			e.MissingAt = now
		}
		if !e.NoDataSince.IsZero() || now.Sub(e.MissingAt) < noDataGrace {
			return false
		}
		e.NoDataSince = e.MissingAt
	default:
		e.doubted = true
		return false
	}
	return true
}

// end ends the alert now; never before it began, should the clock have gone
// back.
func (e *entry) end(now time.Time) {
	e.EndsAt, e.NoDataSince, e.MissingAt = now, time.Time{}, time.Time{}
	if now.Before(e.StartsAt) {
		e.EndsAt = e.StartsAt
	}
}

// repeat hands on all that is known, and says again what could not be shown.
func (l *ledger) repeat(ctx context.Context) {
	l.mu.Lock()
	var all, reworded []entry
	for fp, e := range l.entries {
		if !e.EndsAt.IsZero() && time.Since(e.EndsAt) > untoldFor {
			delete(l.entries, fp)
			continue
		}
		all = append(all, *e)
		if e.Reworded && e.EndsAt.IsZero() {
			reworded = append(reworded, *e)
		}
	}
	if err := l.write(); err != nil {
		l.log.Error("alerts could not be remembered", "err", err)
	}
	l.mu.Unlock()
	l.put(ctx, all)
	if len(reworded) > 0 {
		l.refresh(ctx, reworded)
	}
}

// delivered forgets alerts whose end was told. The notification log is on disk
// by then: otherwise a crash would leave a log that believes them firing, and
// their next firing would be taken for old.
func (l *ledger) delivered(fps []model.Fingerprint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, fp := range fps {
		if e, ok := l.entries[fp]; ok && !e.EndsAt.IsZero() {
			delete(l.entries, fp)
		}
	}
	if err := l.write(); err != nil {
		l.log.Error("alerts could not be remembered", "err", err)
	}
}

// shown notes that the channel has the newest words of these alerts.
func (l *ledger) shown(fps []model.Fingerprint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, fp := range fps {
		if e, ok := l.entries[fp]; ok {
			e.Reworded = false
		}
	}
}

// firing returns copies of the entries that have not ended.
func (l *ledger) firing() []entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []entry
	for _, e := range l.sorted() {
		if e.EndsAt.IsZero() {
			out = append(out, *e)
		}
	}
	return out
}

func (l *ledger) sorted() []*entry {
	list := slices.Collect(maps.Values(l.entries))
	slices.SortFunc(list, func(a, b *entry) int {
		if c := a.StartsAt.Compare(b.StartsAt); c != 0 {
			return c
		}
		return strings.Compare(a.Labels.String(), b.Labels.String())
	})
	return list
}

// write keeps the ledger on disk if more than texts changed: they carry values
// that change with each scrape, and come along with the next write.
func (l *ledger) write() error {
	list := l.sorted()
	var digest bytes.Buffer
	for _, e := range list {
		fmt.Fprintf(&digest, "%s %d %d %d %t\n", e.Labels, e.StartsAt.UnixNano(), e.EndsAt.UnixNano(), e.MissingAt.UnixNano(), e.Reworded)
	}
	if bytes.Equal(digest.Bytes(), l.written) {
		return nil
	}
	b, err := json.MarshalIndent(list, "", " ")
	if err != nil {
		return fmt.Errorf("encode alerts: %w", err)
	}
	if err := writeFile(l.file, b); err != nil {
		return err
	}
	l.written = digest.Bytes()
	return nil
}
