package mattermost

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

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
	client   *model.Client4
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
	client := model.NewAPIv4Client(strings.TrimRight(v.cfg.URL, "/"))
	client.HTTPClient = v.http
	client.SetToken(token.Reveal())
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
	var channel *model.Channel
	err := s.call(ctx, opFind, func() (resp *model.Response, err error) {
		channel, resp, err = s.client.GetChannelByNameForTeamName(ctx, name, team, "")
		return resp, err
	})
	if err != nil {
		return err
	}
	if channel == nil || channel.Id == "" {
		return unreadable(opFind)
	}
	s.channel = channel.Id
	s.v.bot.mu.Lock()
	s.v.bot.channel = channel.Id
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
	err := s.call(ctx, opSettings, func() (resp *model.Response, err error) {
		settings, resp, err = s.client.GetClientConfig(ctx, "")
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
func (s *session) call(ctx context.Context, op operation, request func() (*model.Response, error)) error {
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
func (s *session) create(ctx context.Context, op operation, post *model.Post) (string, error) {
	var made *model.Post
	err := s.call(ctx, op, func() (resp *model.Response, err error) {
		made, resp, err = s.client.CreatePost(ctx, post)
		return resp, err
	})
	if err != nil {
		return "", err
	}
	if made == nil || made.Id == "" {
		return "", unreadable(op)
	}
	return made.Id, nil
}

// patch changes a post's props, and never its message: a late edit of the
// message is what servers with an edit limit refuse.
func (s *session) patch(ctx context.Context, id string, props model.StringInterface) error {
	return s.call(ctx, opEdit, func() (*model.Response, error) {
		_, resp, err := s.client.PatchPost(ctx, id, &model.PostPatch{Props: &props})
		return resp, err
	})
}

// findRoot returns the newest post of the channel that has a prop with this
// value and that the filter takes, or nil.
func (s *session) findRoot(ctx context.Context, prop, value string, filter func(*model.Post) bool) (*model.Post, error) {
	const newest = 100
	return s.find(ctx, prop, value, filter, func() (*model.PostList, *model.Response, error) {
		return s.client.GetPostsForChannel(ctx, s.channel, 0, newest, "", false, false)
	})
}

// findReply returns the reply in a post's thread that has an intent's id, or
// nil.
func (s *session) findReply(ctx context.Context, root, intent string) (*model.Post, error) {
	return s.find(ctx, propIntent, intent, nil, func() (*model.PostList, *model.Response, error) {
		return s.client.GetPostThread(ctx, root, "", false)
	})
}

func (s *session) find(ctx context.Context, prop, value string, filter func(*model.Post) bool,
	list func() (*model.PostList, *model.Response, error),
) (*model.Post, error) {
	var posts *model.PostList
	err := s.call(ctx, opSearch, func() (resp *model.Response, err error) {
		posts, resp, err = list()
		return resp, err
	})
	if err != nil {
		return nil, err
	}
	if posts == nil {
		return nil, unreadable(opSearch)
	}
	var found *model.Post
	for _, p := range posts.Posts {
		if p == nil || p.DeleteAt != 0 || p.GetProp(prop) != value || filter != nil && !filter(p) {
			continue
		}
		if found == nil || p.CreateAt > found.CreateAt {
			found = p
		}
	}
	return found, nil
}
