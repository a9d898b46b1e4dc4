package mattermost

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strings"
	"sync"
	"time"

	"tocsin/alerts"
)

// bot is what a voice with a token has learnt about the server.
type bot struct {
	mu sync.Mutex // guards what follows

	channel    string // the channel's id, once it was found
	priority   bool   // the server takes priorities
	settingsAt time.Time

	refused      [sha256.Size]byte // hash of the token that was refused last
	refusedUntil time.Time         // until when it is not tried again
}

// How long what was learnt holds.
const (
	settingsFor = time.Hour
	refusedFor  = time.Minute
)

// A session is one Say: the token as it is now, and the channel.
type session struct {
	v        *Voice
	client   *api
	hash     [sha256.Size]byte
	channel  string
	priority bool
}

// open reads the token and finds the channel.
func (v *Voice) open(ctx context.Context) (*session, error) {
	token, err := v.cfg.token().Read()
	if err != nil {
		return nil, err
	}
	client := &api{http: v.http, base: strings.TrimRight(v.cfg.URL, "/"), token: token.Reveal()}
	s := &session{v: v, client: client, hash: sha256.Sum256([]byte(token.Reveal()))}

	v.bot.mu.Lock()
	s.channel, s.priority = v.bot.channel, v.bot.priority
	refused := s.hash == v.bot.refused && v.now().Before(v.bot.refusedUntil)
	learn := v.now().Sub(v.bot.settingsAt) > settingsFor
	v.bot.mu.Unlock()

	if refused {
		e := &callError{op: opPost, status: http.StatusUnauthorized}
		e.cause, e.words = meaning(opPost, http.StatusUnauthorized)
		return nil, e
	}
	if s.channel == "" {
		if err := s.findChannel(ctx); err != nil {
			return nil, err
		}
	}
	if learn {
		s.learnSettings(ctx)
	}
	return s, nil
}

// findChannel asks for the channel's id.
func (s *session) findChannel(ctx context.Context) error {
	team, name, _ := strings.Cut(s.v.cfg.Channel, "/")
	var id string
	err := s.call(ctx, opFind, func() (resp *response, err error) {
		id, resp, err = s.client.channelID(ctx, team, name)
		return resp, err
	})
	if err != nil {
		return err
	}
	if id == "" {
		return unreadable(opFind)
	}
	s.channel = id
	s.v.bot.mu.Lock()
	s.v.bot.channel = id
	s.v.bot.mu.Unlock()
	return nil
}

// forgetChannel makes the next session look for the channel again: it may
// have been deleted and made anew under its name.
func (s *session) forgetChannel() {
	s.v.bot.mu.Lock()
	s.v.bot.channel = ""
	s.v.bot.mu.Unlock()
}

// learnSettings asks whether the server takes priorities. Without an answer
// it is assumed that it does not: a priority is never worth a lost post.
func (s *session) learnSettings(ctx context.Context) {
	var settings map[string]string
	err := s.call(ctx, opSettings, func() (resp *response, err error) {
		settings, resp, err = s.client.settings(ctx)
		return resp, err
	})
	if err != nil {
		s.v.log.Debug("the Mattermost server's settings were not read", "error", err)
		return
	}
	s.setPriority(settings["PostPriority"] == "true")
}

func (s *session) setPriority(taken bool) {
	s.priority = taken
	s.v.bot.mu.Lock()
	s.v.bot.priority, s.v.bot.settingsAt = taken, s.v.now()
	s.v.bot.mu.Unlock()
}

// call makes a request. A token that is refused is not tried again for a
// while, unless it changes.
func (s *session) call(ctx context.Context, op operation, request func() (*response, error)) error {
	err := s.v.gate.call(ctx, op, request)
	if status(err) == http.StatusUnauthorized {
		s.v.bot.mu.Lock()
		s.v.bot.refused, s.v.bot.refusedUntil = s.hash, s.v.now().Add(refusedFor)
		s.v.bot.mu.Unlock()
	}
	return err
}

// unreadable is an answer of success that does not hold what it should.
func unreadable(op operation) error {
	return &callError{op: op, status: http.StatusOK, cause: alerts.CauseBadAnswer, words: "the server's answer can't be read"}
}

// create makes a post.
func (s *session) create(ctx context.Context, op operation, p *post) (string, error) {
	var id string
	err := s.call(ctx, op, func() (resp *response, err error) {
		id, resp, err = s.client.create(ctx, p)
		return resp, err
	})
	if err != nil {
		return "", err
	}
	if id == "" {
		return "", unreadable(op)
	}
	return id, nil
}

// patch changes a post's props, and never its message: a late edit of the
// message is what servers with an edit limit refuse.
func (s *session) patch(ctx context.Context, id string, p props) error {
	return s.call(ctx, opEdit, func() (*response, error) {
		return s.client.patch(ctx, id, p)
	})
}

// findRoot returns the newest post of the channel that has a prop with this
// value and that the filter takes, or nil.
func (s *session) findRoot(ctx context.Context, prop, value string, filter func(*post) bool) (*post, error) {
	const newest = 100
	return s.find(ctx, prop, value, filter, func() (*postList, *response, error) {
		return s.client.newest(ctx, s.channel, newest)
	})
}

// findReply returns the reply in a post's thread that has an intent's id, or
// nil.
func (s *session) findReply(ctx context.Context, root, intent string) (*post, error) {
	return s.find(ctx, propIntent, intent, nil, func() (*postList, *response, error) {
		return s.client.thread(ctx, root)
	})
}

func (s *session) find(ctx context.Context, prop, value string, filter func(*post) bool,
	list func() (*postList, *response, error),
) (*post, error) {
	var posts *postList
	err := s.call(ctx, opSearch, func() (resp *response, err error) {
		posts, resp, err = list()
		return resp, err
	})
	if err != nil {
		return nil, err
	}
	if posts == nil {
		return nil, unreadable(opSearch)
	}
	var found *post
	for _, p := range posts.Posts {
		if p == nil || p.DeleteAt != 0 || p.Props[prop] != value || filter != nil && !filter(p) {
			continue
		}
		if found == nil || p.CreateAt > found.CreateAt {
			found = p
		}
	}
	return found, nil
}
