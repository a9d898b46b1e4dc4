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
	Logger  *slog.Logger // gets each message as one record; nil is none
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
	if state == was.state && !reminds {
		return false, nil
	}
	m := Message{
		At: n.At, Group: n.Group, Mark: n.Mark(), Title: v.opts.Wording.Headline(n, 200),
		Text: v.opts.Wording.Plain(n, showAlerts), Firing: n.Firing(),
	}
	if v.opts.Writer != nil {
		stamp := v.opts.Wording.Clock(n.At, n.At)
		if _, err := fmt.Fprintf(v.opts.Writer, "%s %s", stamp, m.Text); err != nil {
			return true, alerts.Fail(alerts.CauseOther, fmt.Errorf("console: %w", err))
		}
	}
	if v.opts.Logger != nil {
		level := slog.LevelInfo
		if m.Firing > 0 && n.Worst() != alerts.Info {
			level = slog.LevelWarn
		}
		v.opts.Logger.Log(ctx, level, "alert", "title", m.Title, "firing", m.Firing, "reason", string(n.Reason), "group", n.Group)
	}
	v.note(n, m, state)
	return false, nil
}

// note remembers a message that was said. The caller holds mu.
func (v *Voice) note(n alerts.Notification, m Message, state string) {
	v.recent = append(v.recent, m)
	if extra := len(v.recent) - v.opts.Keep; extra > 0 {
		v.recent = slices.Delete(v.recent, 0, extra)
	}
	v.said[n.Group] = said{state, n.At}
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
