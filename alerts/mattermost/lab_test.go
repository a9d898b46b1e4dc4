package mattermost

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/alerts"
	"tocsin/alerts/mattermost/mattermosttest"
	"tocsin/internal/secret"
)

// A lab is a voice before the fake server, with a clock that both share and
// that goes on only when it is told to, or when somebody waits.
type lab struct {
	t      *testing.T
	server *mattermosttest.Server
	config Config
	state  string
	log    *safeBuffer
	voice  *Voice

	mu     sync.Mutex // guards what follows
	offset time.Duration
	waited []time.Duration
}

func newLab(t *testing.T) *lab {
	t.Helper()
	s := mattermosttest.New(t)
	l := &lab{
		t: t, server: s, log: new(safeBuffer),
		state:  filepath.Join(t.TempDir(), "mattermost.json"),
		config: Config{URL: s.URL, Token: secret.New(s.Token), Channel: s.Team + "/" + s.Channel},
	}
	l.restart()
	return l
}

// hook changes the lab to a webhook.
func (l *lab) hook() *lab {
	l.config = Config{WebhookURL: secret.New(l.server.HookURL)}
	l.restart()
	return l
}

// restart replaces the voice by a new one with the same state file, as if the
// process had been killed.
func (l *lab) restart() {
	l.t.Helper()
	l.config.SetDefaults()
	v, err := New(l.config, Options{
		StateFile: l.state, Now: l.now, Logger: slog.New(slog.NewTextHandler(l.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(v.Close)
	v.gate.now = l.now
	v.gate.pause = func(ctx context.Context, d time.Duration) error {
		l.mu.Lock()
		l.waited = append(l.waited, d)
		l.mu.Unlock()
		l.advance(d)
		return ctx.Err()
	}
	l.voice = v
}

func (l *lab) now() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return noon.Add(l.offset)
}

func (l *lab) advance(d time.Duration) {
	l.mu.Lock()
	l.offset += d
	l.mu.Unlock()
	l.server.Advance(d)
}

func (l *lab) say(n alerts.Notification) (bool, error) {
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
	defer cancel()
	return l.voice.Say(ctx, n)
}

func (l *lab) mustSay(n alerts.Notification) {
	l.t.Helper()
	mustSay(l.t, l.voice, n)
}

// only returns the one post that should be there.
func (l *lab) only() mattermosttest.Post {
	l.t.Helper()
	posts := l.server.Posts()
	if len(posts) != 1 {
		l.t.Fatalf("%d posts, want 1:\n%s", len(posts), l.texts())
	}
	return posts[0]
}

// texts writes all posts, for messages of failing tests.
func (l *lab) texts() string {
	var b strings.Builder
	for _, p := range l.server.Posts() {
		b.WriteString("- " + p.Color() + " " + p.Text() + "\n")
		for _, r := range p.Replies {
			b.WriteString("  > " + r.Text() + "\n")
		}
	}
	return b.String()
}

// requests counts the requests so far.
func (l *lab) requests() int { return len(l.server.Requests()) }

// fire and settle are the notifications that most tests need.
func fire() alerts.Notification {
	return notification("disk", alerts.First, noon.Add(time.Minute), disk("/srv", noon))
}

func grow() alerts.Notification {
	return notification("disk", alerts.NewAlerts, noon.Add(2*time.Minute), disk("/srv", noon), disk("/home", noon.Add(time.Minute)))
}

func settle() alerts.Notification {
	return notification("disk", alerts.AllSettled, noon.Add(3*time.Minute),
		ended(disk("/srv", noon), noon.Add(3*time.Minute)))
}

// A safeBuffer may be written to from several goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
