// Package console says notifications as text: on a writer, in the log, or
// both. It is the voice of a site that has configured no other, and it keeps
// the newest messages for the status page. It needs nothing and never fails
// for good.
package console

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"tocsin/alerts"
)

// Bounds: how many messages are kept, of how many groups it is known what was
// said, and how many alerts a message tells in full.
const (
	defaultKeep = 50
	maxGroups   = 2000
	showAlerts  = 10
)

// reminderGap keeps a reminder from being said twice.
const reminderGap = time.Minute

// Options are what a voice needs. All may be zero.
type Options struct {
	Writer  io.Writer    // gets each message as text; nil is none
	Logger  *slog.Logger // gets a record for each alert that is new or has ended, and one for a reminder; nil is none
	Wording alerts.Wording
	Keep    int // how many messages Recent returns; 0 is 50
}

// A Message is one that was said.
type Message struct {
	At     time.Time
	Group  string
	Mark   string // the sign of how bad it is
	Title  string // the first line
	Text   string // the whole, title included
	Firing int    // how many alerts of the group fired
}

// A Voice implements alerts.Voice. It may be used from several goroutines.
type Voice struct {
	opts Options

	mu     sync.Mutex // guards what follows, and the writer
	recent []Message  // the oldest first
	said   map[string]said
}

// said is what was last said of a group.
type said struct {
	state string
	at    time.Time
	ended map[string]bool // its alerts, by their labels
}

// New returns a voice.
func New(opts Options) *Voice {
	if opts.Keep <= 0 {
		opts.Keep = defaultKeep
	}
	return &Voice{opts: opts, said: make(map[string]said)}
}

// Name implements alerts.Voice.
func (v *Voice) Name() string { return "console" }

// Say implements alerts.Voice. What was said is known until the process ends.
func (v *Voice) Say(ctx context.Context, n alerts.Notification) (bool, error) {
	if len(n.Alerts) == 0 {
		return false, nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	state, was := n.State(), v.said[n.Group]
	reminds := n.Reason == alerts.Reminder && n.At.Sub(was.at) >= reminderGap
	if state == was.state && !reminds || n.Reason == alerts.Refresh {
		return false, nil
	}
	news := n
	if !reminds {
		news.Alerts = changed(n.Alerts, was.ended)
	}
	m := Message{
		At: n.At, Group: n.Group, Mark: n.Mark(), Title: v.opts.Wording.Headline(news, 200),
		Text: v.opts.Wording.Plain(n, showAlerts), Firing: n.Firing(),
	}
	if v.opts.Writer != nil {
		stamp := v.opts.Wording.Clock(n.At, n.At)
		if _, err := fmt.Fprintf(v.opts.Writer, "%s %s", stamp, m.Text); err != nil {
			return true, alerts.Fail(alerts.CauseOther, fmt.Errorf("console: %w", err))
		}
	}
	if v.opts.Logger != nil {
		v.log(ctx, news, reminds)
	}
	v.note(n, m, state)
	return false, nil
}

// changed returns the alerts that are new or have ended since; all, where what
// changed is what is known of them.
func changed(all []alerts.Alert, ended map[string]bool) []alerts.Alert {
	var news []alerts.Alert
	for _, a := range all {
		if was, known := ended[fmt.Sprint(a.Labels)]; !known || was != a.Resolved() {
			news = append(news, a)
		}
	}
	if news == nil {
		return all
	}
	return news
}

// log writes a record for each alert that changed, or one of all for a
// reminder.
func (v *Voice) log(ctx context.Context, n alerts.Notification, reminds bool) {
	if reminds {
		v.opts.Logger.Log(ctx, levelOf(n), "alert", "title", v.opts.Wording.Headline(n, 200), "firing", n.Firing(), "reason", string(n.Reason))
		return
	}
	for _, a := range n.Alerts {
		one := alerts.Notification{Group: n.Group, At: n.At, Reason: n.Reason, Alerts: []alerts.Alert{a}}
		fields := []any{"title", v.opts.Wording.Headline(one, 200), "alert", a.Name(), "severity", a.Severity()}
		if d := alerts.OneLine(a.Detail); d != "" && !a.Resolved() {
			fields = append(fields, "why", alerts.Cut(d, 300))
		}
		if a.Link != "" {
			fields = append(fields, "link", alerts.OneLine(a.Link))
		}
		v.opts.Logger.Log(ctx, levelOf(one), "alert", fields...)
	}
}

func levelOf(n alerts.Notification) slog.Level {
	if n.Firing() > 0 && n.Worst() != alerts.Info {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// note remembers a message that was said. The caller holds mu.
func (v *Voice) note(n alerts.Notification, m Message, state string) {
	v.recent = append(v.recent, m)
	if extra := len(v.recent) - v.opts.Keep; extra > 0 {
		v.recent = slices.Delete(v.recent, 0, extra)
	}
	ended := make(map[string]bool, len(n.Alerts))
	for _, a := range n.Alerts {
		ended[fmt.Sprint(a.Labels)] = a.Resolved()
	}
	v.said[n.Group] = said{state, n.At, ended}
	if len(v.said) <= maxGroups {
		return
	}
	oldest := n.Group
	for g, s := range v.said {
		if s.at.Before(v.said[oldest].at) {
			oldest = g
		}
	}
	delete(v.said, oldest)
}

// Recent returns the newest messages, the newest first.
func (v *Voice) Recent() []Message {
	v.mu.Lock()
	defer v.mu.Unlock()
	r := slices.Clone(v.recent)
	slices.Reverse(r)
	return r
}
