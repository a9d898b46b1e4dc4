package mattermosttest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mattermost/mattermost/server/public/model"
)

// Settings are what an administrator of the server decides. Zero values are
// not the defaults: change them by Configure.
type Settings struct {
	Version        string        // 9.9, or 11.1 and later; default 11.1
	MaxMessage     int           // runes of a post's message; default 16383
	MaxBody        int           // bytes of a request; default 300000
	EditLimit      time.Duration // after which a message can't be edited; negative (the default) is never
	StrictEdits    bool          // the limit holds for props too, as from 2026
	Priority       bool          // posts may have a priority; default true
	Licensed       bool          // acknowledgements may be asked for
	RatePerSecond  float64       // requests allowed; 0 (the default) is any number
	Burst          int           // how many at once
	HooksOff       bool          // incoming webhooks are switched off
	Spiteful       bool          // every error repeats the credentials, in each of its parts
	RootIDsInHooks bool          // incoming webhooks may reply, as from 2026
}

// A Server is the fake. Its exported fields do not change.
type Server struct {
	URL     string // base address
	Token   string // of the bot
	Team    string // the team's name
	Channel string // the name of the channel that the bot is in
	HookURL string // an incoming webhook that posts to the same channel

	http *httptest.Server

	mu       sync.Mutex // guards what follows
	settings Settings
	offset   time.Duration     // of the server's clock
	channels map[string]string // name to id
	member   map[string]bool   // channel ids that the bot is in
	users    []string          // the people in the channels
	notified map[string]int
	posts    []*Post
	bucket   float64
	filled   time.Time
	faults   []*Fault
	requests []Request
	unknown  []string
	closed   chan struct{}
}

// The ids of who posts.
const (
	botID  = "botbotbotbotbotbotbotbotbo"
	hookID = "hookuserhookuserhookuserho"
)

// A Request is one that the server got, with what it answered.
type Request struct {
	Method, Path string
	Body         []byte
	Status       int // 0: no answer was given
}

// New starts a server that is closed when the test ends. The test fails when
// something was asked for that the fake does not know.
func New(t testing.TB) *Server {
	t.Helper()
	s := Start()
	t.Cleanup(func() {
		s.Close()
		if u := s.Unknown(); len(u) > 0 {
			t.Errorf("the fake Mattermost was asked for what it does not know: %q", u)
		}
	})
	return s
}

// Start starts a server. Close ends it.
func Start() *Server {
	s := &Server{
		Token: rand.Text(), Team: "technique", Channel: "alertes",
		settings: Settings{
			Version: "11.1", MaxMessage: 16383, MaxBody: 300_000, EditLimit: -1, Priority: true,
		},
		channels: map[string]string{"alertes": model.NewId(), "private": model.NewId()},
		member:   map[string]bool{},
		users:    []string{"anne", "bob"},
		notified: map[string]int{},
		closed:   make(chan struct{}),
	}
	s.member[s.channels["alertes"]] = true
	s.http = httptest.NewServer(s.handler())
	s.URL = s.http.URL
	s.HookURL = s.URL + "/hooks/" + model.NewId()
	return s
}

// Close ends the server; requests that hang are let go.
func (s *Server) Close() {
	s.mu.Lock()
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	s.mu.Unlock()
	s.http.Close()
}

// Configure changes the settings.
func (s *Server) Configure(change func(*Settings)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.settings)
}

// Advance moves the server's clock.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset += d
}

// AddChannel makes a channel that the bot is in.
func (s *Server) AddChannel(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channels[name] = model.NewId()
	s.member[s.channels[name]] = true
}

// SetMember puts the bot into a channel, or takes it out.
func (s *Server) SetMember(channel string, in bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.member[s.channels[channel]] = in
}

// Requests returns all requests so far, but those that faults swallowed
// before they were read.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Unknown returns what was asked for that the fake does not know.
func (s *Server) Unknown() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.unknown)
}

// Notified returns how often a person of the channel was called.
func (s *Server) Notified(user string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.notified[user]
}

// now is the server's time. The caller holds mu.
func (s *Server) now() time.Time { return time.Now().Add(s.offset) }

// routes lists all that the fake knows.
func (s *Server) routes() *http.ServeMux {
	m := http.NewServeMux()
	m.HandleFunc("GET /api/v4/system/ping", s.ping)
	m.HandleFunc("GET /api/v4/config/client", s.clientConfig)
	m.HandleFunc("GET /api/v4/license/client", s.clientLicense)
	m.HandleFunc("GET /api/v4/users/me", s.asBot(s.me))
	m.HandleFunc("GET /api/v4/teams/name/{team}/channels/name/{channel}", s.asBot(s.channelByName))
	m.HandleFunc("POST /api/v4/posts", s.asBot(s.createPost))
	m.HandleFunc("GET /api/v4/posts/{id}", s.asBot(s.getPost))
	m.HandleFunc("DELETE /api/v4/posts/{id}", s.asBot(s.deletePost))
	m.HandleFunc("PUT /api/v4/posts/{id}/patch", s.asBot(s.patchPost))
	m.HandleFunc("GET /api/v4/posts/{id}/thread", s.asBot(s.thread))
	m.HandleFunc("GET /api/v4/channels/{id}/posts", s.asBot(s.channelPosts))
	m.HandleFunc("POST /hooks/{id}", s.hook)
	for _, refused := range []string{"POST /api/v4/posts/ephemeral", "GET /api/v4/analytics/old"} {
		m.HandleFunc(refused, s.asBot(func(w http.ResponseWriter, r *http.Request) {
			s.refuse(w, r, http.StatusForbidden, "api.context.permissions.app_error")
		}))
	}
	m.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.unknown = append(s.unknown, r.Method+" "+r.URL.Path)
		s.refuse(w, r, http.StatusNotFound, "api.context.404.app_error")
	})
	return m
}

// asBot lets only requests with the bot's token through.
func (s *Server) asBot(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if a := r.Header.Get("Authorization"); a != "Bearer "+s.Token && a != "BEARER "+s.Token {
			s.refuse(w, r, http.StatusUnauthorized, "api.context.session_expired.app_error")
			return
		}
		next(w, r)
	}
}

// refuse answers with an error as the server writes it.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, status int, id string) {
	e := map[string]any{
		"id": id, "message": "refused by the fake", "detailed_error": "", "status_code": status,
		"request_id": model.NewId(),
	}
	if s.settings.Spiteful {
		secrets := r.Header.Get("Authorization") + " " + r.URL.Path
		e["id"], e["message"], e["detailed_error"] = secrets, secrets, secrets
	}
	w.Header().Set("X-Request-Id", model.NewId())
	w.Header().Set("X-Version-Id", s.settings.Version+".0.0")
	answer(w, status, e)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
