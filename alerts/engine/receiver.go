package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
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
	log    *slog.Logger
	detail func(alert map[string]string) string
	link   string

	speaking sync.RWMutex // held to read while the voice speaks, to write when another takes over
	voice    alerts.Voice

	mu      sync.Mutex // guards what follows
	busy    map[string]*groupLock
	ended   map[string][]model.Fingerprint     // by group: said to have ended, not yet in the log on disk
	waiting map[model.Fingerprint]chan<- error // test alerts, and who waits to hear of them
	fails   int                                // temporary failures in a row, over all groups
	paused  time.Time                          // until then nobody is bothered
	last    delivery
}

// groupLock lets one at a time speak for a group; it lives as long as somebody
// holds it or waits for it.
type groupLock struct {
	sync.Mutex
	users int
}

// delivery is how the newest attempt to say something went.
type delivery struct {
	At   time.Time
	Err  string
	Good time.Time // newest success
}

// setVoice makes another voice speak, when the one before has finished its
// sentence: the two share what is on disk.
func (r *receiver) setVoice(v alerts.Voice) {
	r.speaking.Lock()
	defer r.speaking.Unlock()
	r.voice = v
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
func (r *receiver) say(ctx context.Context, n alerts.Notification, list []*alert.Alert) (retry bool, err error) {
	unlock := r.lock(n.Group)
	defer unlock()
	defer func() { r.tellWaiting(list, err) }()
	r.mu.Lock()
	wait := time.Until(r.paused)
	r.mu.Unlock()
	if wait > 0 {
		return false, errPaused
	}
	r.speaking.RLock()
	retry, err = r.voice.Say(ctx, n)
	r.speaking.RUnlock()
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
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended[n.Group] = ended
	return false, nil
}

// takeEnded returns, once, what was said to have ended of a group.
func (r *receiver) takeEnded(group string) []model.Fingerprint {
	r.mu.Lock()
	defer r.mu.Unlock()
	ended := r.ended[group]
	delete(r.ended, group)
	return ended
}

// tellWaiting tells those who wait to hear of an alert how it went.
func (r *receiver) tellWaiting(list []*alert.Alert, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range list {
		if c, ok := r.waiting[a.Fingerprint()]; ok {
			select {
			case c <- err:
			default:
			}
		}
	}
}

// wait lets c hear of each attempt to say something of an alert, until the
// function that it returns is called.
func (r *receiver) wait(fp model.Fingerprint, c chan<- error) (done func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting[fp] = c
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.waiting, fp)
	}
}

func (r *receiver) lock(group string) (unlock func()) {
	r.mu.Lock()
	g, ok := r.busy[group]
	if !ok {
		g = &groupLock{}
		r.busy[group] = g
	}
	g.users++
	r.mu.Unlock()
	g.Lock()
	return func() {
		g.Unlock()
		r.mu.Lock()
		defer r.mu.Unlock()
		if g.users--; g.users == 0 {
			delete(r.busy, group)
		}
	}
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

// standing returns how the newest delivery went. A failure that nobody repeats
// is over: what it was about has ended meanwhile, and what is still owed is
// tried at least once a pause.
func (r *receiver) standing() delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.last
	if time.Since(d.At) > 3*maxPause {
		d.Err = ""
	}
	return d
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
		StartsAt: a.StartsAt, Link: r.link,
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
	out.Detail = r.detail(out.Labels)
	return out
}
