package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/common/model"

	"tocsin/alerts"
)

// Annotations by which the ledger tells the receiver more than Alertmanager's
// model of an alert can hold.
const (
	noteNoData    = "tocsin_no_data_since"
	noteUnwatched = "tocsin_unwatched"
)

const maxPause = time.Minute

var errPaused = errors.New("the voice failed a moment ago and is given a pause")

// receiver is the last stage of Alertmanager's pipeline: it turns what
// Alertmanager wants said into an alerts.Notification for the voice.
type receiver struct {
	log       *slog.Logger
	voice     atomic.Pointer[alerts.Voice]
	detail    func(job, instance string) string
	link      func() string
	delivered func(fps []model.Fingerprint)

	mu     sync.Mutex // guards what follows
	busy   map[string]*sync.Mutex
	fails  int       // temporary failures in a row, over all groups
	paused time.Time // until then nobody is bothered
	last   delivery
}

// delivery is how the newest attempt to say something went.
type delivery struct {
	At   time.Time
	Err  string
	Good time.Time // newest success
}

// Notify implements notify.Notifier.
func (r *receiver) Notify(ctx context.Context, list ...*alert.Alert) (bool, error) {
	k, err := notify.ExtractGroupKey(ctx)
	if err != nil {
		return false, fmt.Errorf("notification: %w", err)
	}
	groupLabels, _ := notify.GroupLabels(ctx)
	why, _ := notify.NotificationReason(ctx)
	now, ok := notify.Now(ctx)
	if !ok {
		now = time.Now()
	}
	return r.say(ctx, r.notification(string(k), groupLabels, reasonOf(why), now, list), list)
}

// say speaks for one group at a time, and gives a voice that fails a pause.
func (r *receiver) say(ctx context.Context, n alerts.Notification, list []*alert.Alert) (bool, error) {
	group := r.lock(n.Group)
	defer group.Unlock()
	r.mu.Lock()
	wait := time.Until(r.paused)
	r.mu.Unlock()
	if wait > 0 {
		return false, errPaused
	}
	retry, err := (*r.voice.Load()).Say(ctx, n)
	r.note(retry, err)
	if err != nil {
		return retry, err
	}
	var ended []model.Fingerprint
	for _, a := range list {
		if a.ResolvedAt(n.At) {
			ended = append(ended, a.Fingerprint())
		}
	}
	if len(ended) > 0 {
		r.delivered(ended)
	}
	return false, nil
}

func (r *receiver) lock(group string) *sync.Mutex {
	r.mu.Lock()
	m, ok := r.busy[group]
	if !ok {
		m = &sync.Mutex{}
		r.busy[group] = m
	}
	r.mu.Unlock()
	m.Lock()
	return m
}

func (r *receiver) note(retry bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last.At = time.Now()
	if err == nil {
		if r.fails > 0 {
			r.log.Info("notifications are delivered again", "failures", r.fails)
		}
		r.fails, r.last.Err, r.last.Good = 0, "", r.last.At
		return
	}
	if r.last.Err == "" {
		r.log.Error("notification failed", "err", err, "retry", retry)
	}
	r.last.Err = err.Error()
	if retry {
		r.fails++
		r.paused = time.Now().Add(min(maxPause, time.Second<<min(r.fails-1, 6)))
	}
}

// standing returns how the newest delivery went.
func (r *receiver) standing() delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

func reasonOf(why notify.NotifyReason) alerts.Reason {
	switch why {
	case notify.ReasonNewAlertsInGroup:
		return alerts.NewAlerts
	case notify.ReasonNewResolvedAlerts:
		return alerts.SomeSettled
	case notify.ReasonAllAlertsResolved:
		return alerts.AllSettled
	case notify.ReasonRepeatIntervalElapsed:
		return alerts.Reminder
	default:
		return alerts.First
	}
}

func (r *receiver) notification(group string, labels model.LabelSet, why alerts.Reason, now time.Time, list []*alert.Alert) alerts.Notification {
	n := alerts.Notification{Group: group, Labels: map[string]string{}, Reason: why, At: now}
	for k, v := range labels {
		if v != "" {
			n.Labels[string(k)] = string(v)
		}
	}
	for _, a := range list {
		n.Alerts = append(n.Alerts, r.alert(a, now))
	}
	slices.SortStableFunc(n.Alerts, func(a, b alerts.Alert) int {
		if a.Resolved() != b.Resolved() {
			if b.Resolved() {
				return -1
			}
			return 1
		}
		return a.StartsAt.Compare(b.StartsAt)
	})
	return n
}

func (r *receiver) alert(a *alert.Alert, now time.Time) alerts.Alert {
	out := alerts.Alert{
		Labels: map[string]string{}, Annotations: map[string]string{},
		StartsAt: a.StartsAt, Link: r.link(),
		Unwatched: a.Annotations[noteUnwatched] != "",
	}
	for k, v := range a.Labels {
		out.Labels[string(k)] = string(v)
	}
	for k, v := range a.Annotations {
		if k != noteNoData && k != noteUnwatched {
			out.Annotations[string(k)] = string(v)
		}
	}
	if a.ResolvedAt(now) {
		out.EndsAt = a.EndsAt
		return out
	}
	if since, err := time.Parse(time.RFC3339, string(a.Annotations[noteNoData])); err == nil {
		out.NoDataSince = since
	}
	out.Detail = r.detail(out.Labels["job"], out.Labels["instance"])
	return out
}
