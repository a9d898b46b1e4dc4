package app

import (
	"cmp"
	"time"

	"tocsin/exporters/brick"
	"tocsin/internal/frame"
	"tocsin/internal/web/status"
)

// A brick that nobody asked for so many intervals, or minutes where that is
// longer, counts as not measured.
const brickStale = 3

// brickStatus tells how a brick of this instance stands, from what its
// collector found; false: the target is no brick.
func brickStatus(t *frame.Target, now time.Time) (status.Brick, bool) {
	spec := t.Spec()
	if len(spec.Collectors) == 0 {
		return status.Brick{}, false
	}
	found, ok := brick.Newest(spec.Collectors[0].Collector) // the one that judges comes first
	if !ok {
		return status.Brick{}, false
	}
	b := newBrick(spec.Job, spec.Instance, spec.Labels)
	collector := t.States()[0]
	switch {
	case collector.Reason != "":
		b.State, b.Since, b.Detail = status.Down, collector.FailedSince, collector.Error
	case found.At.IsZero():
	case now.Sub(found.At) > brickStale*max(spec.Interval, time.Minute):
		b.State, b.Since = status.Down, found.At
	default:
		tellFinding(&b, &found)
	}
	return b, true
}

func newBrick(job, instance string, labels map[string]string) status.Brick {
	return status.Brick{
		Job: job, Instance: instance, Name: cmp.Or(labels["brick"], instance), Kind: labels["kind"], Host: labels["host"],
	}
}

// tellFinding adds what a look has told.
func tellFinding(b *status.Brick, found *brick.Finding) {
	b.Since, b.Version = found.Since, found.Version
	b.Reason, b.Detail = string(found.Reason), found.Words
	for _, f := range found.Failed {
		b.Failed = append(b.Failed, status.Part{Name: f.Name, Reason: string(f.Reason), Detail: f.Words})
	}
	for _, m := range found.Missing {
		b.Missing = append(b.Missing, status.Part{Name: m.Name, Reason: string(m.Reason)})
	}
	b.State = brickState(b, found.Known, found.Up)
}

func brickState(b *status.Brick, known, up bool) status.State {
	switch {
	case !known:
		return status.Unknown
	case !up:
		return status.Trouble
	case len(b.Failed)+len(b.Missing) > 0:
		return status.Partial
	default:
		return status.Good
	}
}

// downSince takes over since when a brick is down from its alert, which may
// know it from before the last restart, or of another host.
func downSince(bricks []status.Brick, firing []status.Alert) {
	for i := range bricks {
		b := &bricks[i]
		for _, a := range firing {
			if b.State != status.Trouble || a.Name != "BrickDown" || a.Labels["job"] != b.Job || a.Labels["instance"] != b.Instance {
				continue
			}
			if b.Since.IsZero() || a.Since.Before(b.Since) {
				b.Since = a.Since
			}
		}
	}
}
