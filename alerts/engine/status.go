package engine

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// evaluationLate is after how long without an evaluation the rules count as
// standing still.
const evaluationLate = time.Minute

// A Firing is one alert as the status page shows it.
type Firing struct {
	Labels, Annotations map[string]string
	StartsAt            time.Time
	NoDataSince         time.Time
	Detail              string
	Silenced            *Silenced // nil: it is not
	Inhibited           bool
}

// Silenced tells who silenced an alert.
type Silenced struct {
	By, Comment string
	Until       time.Time
}

// A TargetHealth is how the newest scrape of one target went.
type TargetHealth struct {
	Job, Instance string
	Labels        map[string]string
	Up            bool
	Scraped       time.Time // zero: not yet
	Err           string
}

// A ListProblem tells that a host's list of targets cannot be read, or which
// targets left it.
type ListProblem struct {
	Host  string
	Err   string
	Since time.Time
	Lost  []string
	// Duplicate is a target of this list that another list has already.
	Duplicate string
}

// Status is how the engine stands.
type Status struct {
	Firing        []Firing
	Targets       []TargetHealth
	Lists         []ListProblem
	Series        uint64
	Rules         int
	Oldest        time.Time // of what is on disk; zero: nothing yet
	DiskBytes     int64
	DiskLimit     int64
	LastEval      time.Time
	LastDelivery  time.Time // newest success
	DeliveryError string
	BallastGone   bool
	SetAside      string
}

// Ready tells whether rules are being evaluated.
func (e *Engine) Ready() bool { return e.ready.Load() }

// Healthy tells whether the whole way works: rules were evaluated a moment
// ago, and the newest message was delivered. It is what the heartbeat asks.
func (e *Engine) Healthy() (ok bool, why string) {
	if !e.Evaluating() {
		return false, "rules are not evaluated"
	}
	if err := e.receiver.standing().Err; err != "" {
		return false, "the newest message was not delivered"
	}
	return true, ""
}

// Status returns how the engine stands now.
func (e *Engine) Status(ctx context.Context) Status {
	s := Status{
		SetAside: e.setAside, BallastGone: e.ballast.dropped.Load(),
		Series: e.db.Head().NumSeries(), DiskBytes: e.db.Head().Size(), DiskLimit: e.diskLimit,
	}
	if last := e.lastEval.Load(); last > 0 {
		s.LastEval = time.Unix(0, last)
	}
	for _, b := range e.db.Blocks() {
		s.DiskBytes += b.Size()
	}
	if blocks := e.db.Blocks(); len(blocks) > 0 {
		s.Oldest = time.UnixMilli(blocks[0].MinTime())
	} else if min := e.db.Head().MinTime(); min != math.MaxInt64 {
		s.Oldest = time.UnixMilli(min)
	}
	for _, g := range e.rules.manager.RuleGroups() {
		s.Rules += len(g.Rules(nil))
	}
	d := e.receiver.standing()
	s.LastDelivery, s.DeliveryError = d.Good, d.Err
	for _, en := range e.ledger.firing() {
		if en.Labels[model.AlertNameLabel] == "Watchdog" {
			continue
		}
		f := Firing{Labels: plain(en.Labels), Annotations: plain(en.Annotations), StartsAt: en.StartsAt, NoDataSince: en.NoDataSince}
		f.Detail = e.opts.Detail(f.Labels)
		f.Silenced, f.Inhibited = e.am.muting(ctx, en.Labels)
		s.Firing = append(s.Firing, f)
	}
	for k, h := range e.scraping.health() {
		s.Targets = append(s.Targets, TargetHealth{Job: k.job, Instance: k.instance, Labels: h.labels, Up: h.up, Scraped: h.scraped, Err: h.err})
	}
	slices.SortFunc(s.Targets, func(a, b TargetHealth) int {
		return strings.Compare(a.Job+"\xff"+a.Instance, b.Job+"\xff"+b.Instance)
	})
	e.mu.Lock()
	defer e.mu.Unlock()
	for k, list := range e.scraping.duplicates() {
		s.Lists = append(s.Lists, ListProblem{Host: strings.TrimPrefix(list, "host:"), Duplicate: k.job + " " + k.instance})
	}
	for _, name := range slices.Sorted(maps.Keys(e.remotes)) {
		r := e.remotes[name]
		r.mu.Lock()
		if r.failing != "" || len(r.lost) > 0 {
			s.Lists = append(s.Lists, ListProblem{Host: name, Err: r.failing, Since: r.since, Lost: slices.Clone(r.lost)})
		}
		r.mu.Unlock()
	}
	return s
}

func plain(set model.LabelSet) map[string]string {
	out := make(map[string]string, len(set))
	for k, v := range set {
		out[string(k)] = string(v)
	}
	return out
}

// Evaluating tells whether rules were evaluated a moment ago.
func (e *Engine) Evaluating() bool {
	return time.Since(time.Unix(0, e.lastEval.Load())) < evaluationLate
}
