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
	"github.com/prometheus/prometheus/rules"
)

const (
	// untoldFor is how long an alert that has ended is remembered when nobody
	// took the message: a channel that was away for a day still turns green.
	untoldFor = 24 * time.Hour
	// wordsEvery is how often changed texts alone are worth a write.
	wordsEvery = time.Minute
	// noDataGrace is how long data may be missing before it is said.
	noDataGrace = 15 * time.Second
	maxLedger   = 64 << 20
)

// An entry is one alert that was handed to Alertmanager.
type entry struct {
	Labels      model.LabelSet `json:"labels"`
	Annotations model.LabelSet `json:"annotations"`
	StartsAt    time.Time      `json:"starts_at"`
	EndsAt      time.Time      `json:"ends_at,omitzero"`       // zero while it fires
	MissingAt   time.Time      `json:"missing_at,omitzero"`    // since when its data is missing
	NoDataSince time.Time      `json:"no_data_since,omitzero"` // the same, once it was said
	Unwatched   bool           `json:"unwatched,omitempty"`
}

func (e *entry) fingerprint() model.Fingerprint { return e.Labels.Fingerprint() }

// ledger knows what fires, and alone decides what has ended. Prometheus' rules
// forget an alert as soon as their query returns nothing, whether the trouble
// ended, the data vanished, or the process restarted; the ledger tells these
// apart, and survives kill -9: it is written before anything is handed on.
type ledger struct {
	file    string
	log     *slog.Logger
	started time.Time
	groups  func() []*rules.Group
	judge   func(ctx context.Context, e *entry, r *rules.AlertingRule) verdict
	put     func(ctx context.Context, entries []*entry) error
	refresh func(ctx context.Context, entries []*entry) // words changed that should show without noise

	mu      sync.Mutex // guards what follows
	entries map[model.Fingerprint]*entry
	written []byte // digest of the newest write
	wordsAt time.Time
}

// load reads the ledger of the last life. A file that cannot be read is set
// aside: better to say a thing twice than to refuse to watch.
func (l *ledger) load() error {
	l.entries = map[model.Fingerprint]*entry{}
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
			l.entries[e.fingerprint()] = e
		}
	}
	return nil
}

// restore hands on what the last life knew.
func (l *ledger) restore(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.put(ctx, l.sorted())
}

// reconcile compares what the rules say with what is known. It is called after
// evaluations, by one goroutine.
func (l *ledger) reconcile(ctx context.Context) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()

	confirmed, ruleOf, ready := l.confirm(now)
	var changed, reworded []*entry
	for fp, e := range l.entries {
		if c, ok := confirmed[fp]; ok {
			changed = append(changed, c.apply(e, now)...)
			if !e.NoDataSince.IsZero() || !e.MissingAt.IsZero() {
				if !e.NoDataSince.IsZero() {
					reworded = append(reworded, e)
				}
				e.NoDataSince, e.MissingAt = time.Time{}, time.Time{}
				changed = append(changed, e)
			}
			continue
		}
		switch {
		case !e.EndsAt.IsZero():
			if now.Sub(e.EndsAt) > untoldFor {
				delete(l.entries, fp)
			}
		case ready(e):
			was := e.NoDataSince
			if l.settle(ctx, e, ruleOf[string(e.Labels[model.AlertNameLabel])], now) {
				changed = append(changed, e)
			}
			if was.IsZero() != e.NoDataSince.IsZero() && e.EndsAt.IsZero() {
				reworded = append(reworded, e)
			}
		}
	}
	for fp, c := range confirmed {
		if _, ok := l.entries[fp]; !ok && c.firing {
			e := &entry{Labels: c.labels, Annotations: c.annotations, StartsAt: c.since}
			l.entries[fp] = e
			changed = append(changed, e)
		}
	}
	if err := l.write(now); err != nil {
		// Go on: an alert that was told and is not remembered is better than
		// one that is not told.
		l.log.Error("alerts could not be remembered", "err", err)
	}
	if len(changed) > 0 {
		if err := l.put(ctx, changed); err != nil {
			l.log.Error("alerts could not be handed on", "err", err)
		}
	}
	if len(reworded) > 0 {
		l.refresh(ctx, reworded)
	}
}

// confirmation is an alert that the rules hold to be active now.
type confirmation struct {
	firing      bool // else pending: kept if known, not told if new
	since       time.Time
	labels      model.LabelSet
	annotations model.LabelSet
}

// apply brings an entry up to date and returns it if Alertmanager must know.
func (c confirmation) apply(e *entry, now time.Time) []*entry {
	if !c.firing {
		return nil
	}
	again := !e.EndsAt.IsZero()
	if again {
		e.StartsAt, e.EndsAt, e.Unwatched = c.since, time.Time{}, false
		if e.StartsAt.IsZero() {
			e.StartsAt = now
		}
	}
	if again || !maps.Equal(e.Annotations, c.annotations) {
		e.Annotations = c.annotations
		return []*entry{e}
	}
	return nil
}

// confirm collects the active alerts of all rules. ready tells of an entry
// whether its rule has spoken since the start, so that silence means something.
func (l *ledger) confirm(now time.Time) (map[model.Fingerprint]confirmation, map[string]*rules.AlertingRule, func(*entry) bool) {
	confirmed := map[model.Fingerprint]confirmation{}
	ruleOf := map[string]*rules.AlertingRule{}
	spoken := map[string]bool{}
	all := true
	for _, g := range l.groups() {
		ok := settled(g, l.started)
		all = all && ok
		for _, r := range g.AlertingRules() {
			ruleOf[r.Name()] = r
			if said, seen := spoken[r.Name()]; !seen || said {
				// Several rules may share a name: scoped thresholds.
				spoken[r.Name()] = ok && r.Health() != rules.HealthBad
			}
			for _, a := range r.ActiveAlerts() {
				c := confirmation{firing: a.State == rules.StateFiring, since: a.FiredAt, labels: model.LabelSet{}, annotations: model.LabelSet{}}
				if c.since.IsZero() {
					c.since = now
				}
				a.Labels.Range(func(lb labelPair) { setNonEmpty(c.labels, lb) })
				a.Annotations.Range(func(lb labelPair) { setNonEmpty(c.annotations, lb) })
				confirmed[c.labels.Fingerprint()] = c
			}
		}
	}
	return confirmed, ruleOf, func(e *entry) bool {
		name := string(e.Labels[model.AlertNameLabel])
		if _, configured := ruleOf[name]; !configured {
			return all
		}
		return spoken[name]
	}
}

// settle decides about an alert that its rule no longer confirms, and tells
// whether the entry changed.
func (l *ledger) settle(ctx context.Context, e *entry, r *rules.AlertingRule, now time.Time) bool {
	switch l.judge(ctx, e, r) {
	case ended:
		e.EndsAt, e.NoDataSince, e.MissingAt = now, time.Time{}, time.Time{}
	case unwatched:
		e.EndsAt, e.Unwatched = now, true
	case noData:
		if e.MissingAt.IsZero() {
			e.MissingAt = now
			return false
		}
		if !e.NoDataSince.IsZero() || now.Sub(e.MissingAt) < noDataGrace {
			return false
		}
		e.NoDataSince = e.MissingAt
	default:
		return false
	}
	return true
}

// delivered forgets alerts whose end was told.
func (l *ledger) delivered(fps []model.Fingerprint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, fp := range fps {
		if e, ok := l.entries[fp]; ok && !e.EndsAt.IsZero() {
			delete(l.entries, fp)
		}
	}
	if err := l.write(time.Now()); err != nil {
		l.log.Error("alerts could not be remembered", "err", err)
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

// write keeps the ledger on disk if it changed. Texts carry values that change
// with each scrape: they alone are written once a minute.
func (l *ledger) write(now time.Time) error {
	list := l.sorted()
	var digest bytes.Buffer
	for _, e := range list {
		fmt.Fprintf(&digest, "%s %d %d %d\n", e.Labels, e.StartsAt.UnixNano(), e.EndsAt.UnixNano(), e.MissingAt.UnixNano())
	}
	if bytes.Equal(digest.Bytes(), l.written) && (len(list) == 0 || now.Sub(l.wordsAt) < wordsEvery) {
		return nil
	}
	b, err := json.MarshalIndent(list, "", " ")
	if err != nil {
		return fmt.Errorf("encode alerts: %w", err)
	}
	if err := writeFile(l.file, b); err != nil {
		return err
	}
	l.written, l.wordsAt = digest.Bytes(), now
	return nil
}
