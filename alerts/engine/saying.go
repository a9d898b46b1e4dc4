package engine

import (
	"context"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/common/model"

	"tocsin/alerts"
)

// hand gives entries of the ledger to Alertmanager. One that it would not take
// is told in the log, and keeps none of the others.
func (e *Engine) hand(ctx context.Context, entries []entry) {
	list := make([]*alert.Alert, 0, len(entries))
	for _, en := range entries {
		a := en.alert(e.stamp())
		if err := a.Validate(); err != nil {
			e.log.Error("alert cannot be handed on", "alert", en.name(), "err", err)
			continue
		}
		list = append(list, a)
	}
	if err := e.am.alerts.Put(ctx, list...); err != nil {
		e.log.Error("alerts could not be handed on", "err", err) // the next repeat tries again
	}
}

// stamp is the time, but never earlier than the last stamp: Alertmanager takes
// of two versions of an alert the later one.
func (e *Engine) stamp() time.Time {
	for {
		last, now := e.stamped.Load(), time.Now().UnixNano()
		now = max(now, last+1)
		if e.stamped.CompareAndSwap(last, now) {
			return time.Unix(0, now)
		}
	}
}

// farEnd is the end that an alert is given while it fires. Alertmanager lets
// an alert end by itself when nobody renews it; here the ledger alone ends
// alerts, so the end lies beyond any pause of the process or the machine.
const farEnd = 365 * 24 * time.Hour

func (e *entry) alert(now time.Time) *alert.Alert {
	a := &alert.Alert{UpdatedAt: now}
	a.Labels, a.Annotations = e.Labels, e.Annotations.Clone()
	a.StartsAt, a.EndsAt = e.StartsAt, e.EndsAt
	if a.EndsAt.IsZero() {
		a.EndsAt = now.Add(farEnd)
	}
	if a.EndsAt.Before(a.StartsAt) {
		a.EndsAt = a.StartsAt
	}
	if !e.NoDataSince.IsZero() {
		a.Annotations[noteNoData] = model.LabelValue(e.NoDataSince.Format(time.RFC3339))
	}
	if e.Unwatched {
		a.Annotations[noteUnwatched] = "true"
	}
	return a
}

// refresh shows changed words of alerts that were said already: an edit, no
// noise. Groups of which nothing was said, and muted alerts, are left alone.
func (e *Engine) refresh(ctx context.Context, entries []entry) {
	groups, err := e.am.groups(ctx)
	if err != nil {
		e.log.Warn("groups could not be read", "err", err)
		return
	}
	now := time.Now()
	fresh := map[model.Fingerprint]*alert.Alert{}
	for _, en := range entries {
		fresh[en.fingerprint()] = en.alert(now)
	}
	for _, g := range groups {
		if g.Receiver != receiverName || !e.am.told(g.GroupKey) {
			continue
		}
		var concerned []model.Fingerprint
		var list []*alert.Alert
		for _, a := range g.Alerts {
			if silenced, inhibited := e.am.muted(ctx, a.Labels); silenced || inhibited {
				continue
			}
			// The dispatcher may not have taken in yet what changed.
			if f, ok := fresh[a.Fingerprint()]; ok {
				a = f
				concerned = append(concerned, f.Fingerprint())
			}
			list = append(list, a)
		}
		if len(concerned) == 0 {
			continue
		}
		n := e.receiver.notification(g.GroupKey, g.Labels, alerts.Refresh, now, list)
		go func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), notifyTimeout)
			defer cancel()
			if _, err := e.receiver.say(ctx, n, nil); err != nil {
				e.log.Debug("words of a message could not be changed, they will be tried again", "err", err)
				return
			}
			e.ledger.shown(concerned)
		}()
	}
}

// sayDirectly speaks without rules, storage or Alertmanager: about their own
// trouble.
func (e *Engine) sayDirectly(summary, description string) {
	ctx, cancel := context.WithTimeout(context.Background(), notifyTimeout)
	defer cancel()
	now := time.Now()
	labels := map[string]string{"alertname": "TocsinStorageSetAside", "severity": "warning"}
	_, err := e.receiver.say(ctx, alerts.Notification{
		Group: "direct/" + now.UTC().Format(time.RFC3339), Labels: map[string]string{"alertname": labels["alertname"]},
		Reason: alerts.First, At: now,
		Alerts: []alerts.Alert{{
			Labels: labels, StartsAt: now,
			Annotations: map[string]string{"summary": "Tocsin: " + summary, "description": description},
		}},
	}, nil)
	if err != nil {
		e.log.Error("message about the storage could not be said", "err", err)
	}
}
