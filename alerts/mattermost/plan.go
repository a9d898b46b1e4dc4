package mattermost

import (
	"slices"
	"time"

	"tocsin/alerts"
)

// maxFingerprints bounds what is remembered of one group. Beyond it new alerts
// are told by their number alone.
const maxFingerprints = 1000

// reminderGap keeps a reminder from being said twice when the caller, after a
// crash, does not know that it was.
const reminderGap = time.Minute

// told is what the channel was told of a group.
type told struct {
	Firing  []string  `json:"firing,omitempty"` // fingerprints of what fires, sorted; none beyond maxFingerprints
	Number  int       `json:"number,omitempty"` // how many fire
	Count   int       `json:"count"`            // how often the post was opened
	Opened  time.Time `json:"opened"`           // when it was first
	Settled time.Time `json:"settled,omitzero"` // when all was resolved; zero while something fires
	Noticed time.Time `json:"noticed"`          // when people were last called
}

// A notice is what the thread is told.
type notice int

const (
	noticeNone     notice = iota
	noticeNew             // alerts that were not in the group
	noticeAgain           // the group fires again, in its old post
	noticeReminder        // it still fires
	noticeSettled         // all is resolved
)

// A plan is how to bring a post from what it told to what it should tell.
type plan struct {
	fresh  bool // the old post is history: make a new one
	notice notice
	added  []alerts.Alert // the alerts that noticeNew is about
	next   told
}

// tell returns what a new post tells.
func tell(n alerts.Notification) told {
	t := told{Count: 1, Opened: n.At, Noticed: n.At}
	t.take(n)
	return t
}

// take notes who fires, and whether nothing does any more.
func (t *told) take(n alerts.Notification) {
	t.Firing, t.Number = nil, 0
	for _, a := range n.Alerts {
		if a.Resolved() {
			continue
		}
		t.Number++
		t.Firing = append(t.Firing, a.Fingerprint())
	}
	if t.Number > maxFingerprints {
		t.Firing = nil
	}
	slices.Sort(t.Firing)
	switch {
	case t.Number > 0:
		t.Settled = time.Time{}
	case t.Settled.IsZero():
		t.Settled = n.At
	}
}

// makePlan compares what was told with n. It goes by the alerts, not by n's
// reason, so that it is right also when the caller repeats itself.
func makePlan(was told, n alerts.Notification, reopenWithin time.Duration) plan {
	p := plan{next: was}
	p.next.take(n)
	firing := n.Firing() > 0
	switch {
	case firing && !was.Settled.IsZero():
		if n.At.Sub(was.Settled) > reopenWithin {
			p.fresh = true
			return p
		}
		p.notice = noticeAgain
		p.next.Count++
	case !firing && was.Settled.IsZero():
		p.notice = noticeSettled
	case firing:
		p.added = added(was, n)
		if len(p.added) > 0 {
			p.notice = noticeNew
		} else if n.Reason == alerts.Reminder && n.At.Sub(was.Noticed) >= reminderGap {
			p.notice = noticeReminder
		}
	}
	if p.notice != noticeNone {
		p.next.Noticed = n.At
	}
	return p
}

// added returns the alerts that fire and did not.
func added(was told, n alerts.Notification) []alerts.Alert {
	firing := n.Alerts[:n.Firing()]
	if was.Number > len(was.Firing) {
		// Too many to remember each: the youngest ones are the new.
		return firing[min(was.Number, len(firing)):]
	}
	var found []alerts.Alert
	for _, a := range firing {
		if _, known := slices.BinarySearch(was.Firing, a.Fingerprint()); !known {
			found = append(found, a)
		}
	}
	return found
}
