package alerts

import (
	"context"
	"time"
)

// A Notification is what a voice is asked to say about one group of alerts:
// the whole group as it stands now, not the difference to the last time.
type Notification struct {
	// Group identifies the group for ever: same route, same group labels,
	// same key, over restarts too. At most 512 bytes of printable text.
	Group string
	// Labels are those that all alerts of the group share by grouping:
	// alertname, brick, host. Empty ones are left out.
	Labels map[string]string
	Reason Reason
	// At is when the notification was decided; voices use it, not the clock.
	At time.Time
	// Alerts has the firing ones first, then the resolved; within each the
	// oldest first. Never empty.
	Alerts []Alert
}

// A Reason is why a notification is made now.
type Reason string

// Why a notification is made.
const (
	First       Reason = "first"        // nothing was said of this group yet, or all had been resolved
	NewAlerts   Reason = "new_alerts"   // the group has alerts that were not in it
	SomeSettled Reason = "some_settled" // some, not all, were resolved
	AllSettled  Reason = "all_settled"  // nothing of the group fires any more
	Reminder    Reason = "reminder"     // nothing changed, but the repeat interval has passed
	// Refresh: no alert came or went, but what is known of them changed (data
	// vanished or came back). It is worth an edit, never a new post or a sound;
	// a voice that cannot edit says nothing.
	Refresh Reason = "refresh"
)

// Firing returns how many alerts of the group fire.
func (n Notification) Firing() int {
	count := 0
	for _, a := range n.Alerts {
		if !a.Resolved() {
			count++
		}
	}
	return count
}

// An Alert is one alert of a group.
type Alert struct {
	// Labels has all labels, alertname and severity among them. Severity is
	// critical, warning or info.
	Labels map[string]string
	// Annotations has the rule's words, rendered: summary (one line: what,
	// where, how bad), description (what it means and the first thing to look
	// at), and their translations summary_fr, description_fr.
	Annotations map[string]string
	StartsAt    time.Time
	// EndsAt is zero while the alert fires.
	EndsAt time.Time
	// NoDataSince is set while the alert's target delivers no data: the alert
	// is held, not confirmed.
	NoDataSince time.Time
	// Unwatched is set when the alert ended only because its target or rule
	// is no longer configured: nobody saw it mended.
	Unwatched bool
	// Detail is what the target itself says is wrong (a probe's last error),
	// redacted. Often empty.
	Detail string
	// Link leads to the rule's graph or the status page; empty without
	// external_url.
	Link string
}

// Resolved tells whether the alert has ended.
func (a Alert) Resolved() bool { return !a.EndsAt.IsZero() }

// Name returns the alert's name.
func (a Alert) Name() string { return a.Labels["alertname"] }

// Severity returns the alert's severity: critical, warning or info.
func (a Alert) Severity() string { return a.Labels["severity"] }

// A Voice says notifications somewhere: in a Mattermost channel, by mail, on
// the console.
type Voice interface {
	// Name is the voice's name in logs and metrics: mattermost, console.
	Name() string
	// Say delivers n. It is called for one group by one goroutine at a time,
	// for different groups side by side. When it fails, retry tells whether
	// the same call may succeed later; the caller then repeats it with growing
	// pauses until ctx ends, and again at the group's next flush. Say MUST be
	// safe to repeat: what was said already is not said twice. Errors carry no
	// secret and no text that the server sent, beyond its error's id.
	Say(ctx context.Context, n Notification) (retry bool, err error)
}
