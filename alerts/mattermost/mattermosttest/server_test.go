package mattermosttest

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mattermost/mattermost/server/public/model"
)

// bot returns a client of the fake.
func bot(t *testing.T, s *Server) client {
	t.Helper()
	c := client{Client4: model.NewAPIv4Client(s.URL), hook: s.HookURL, channel: s.channels[s.Channel]}
	c.SetToken(s.Token)
	return c
}

func TestServer_membership(t *testing.T) {
	s := New(t)
	c := bot(t, s)
	s.SetMember(s.Channel, false)
	if _, status := c.post(t, &model.Post{Message: "x"}); status != 403 {
		t.Errorf("status %d, want 403", status)
	}
	s.SetMember(s.Channel, true)
	c.mustPost(t, &model.Post{Message: "x"})
	s.AddChannel("mises-a-jour")
	if _, _, err := c.GetChannelByNameForTeamName(t.Context(), "mises-a-jour", s.Team, ""); err != nil {
		t.Error(err)
	}
}

func TestServer_pendingIDIsForgotten(t *testing.T) {
	s := New(t)
	c := bot(t, s)
	c.mustPost(t, &model.Post{Message: "x", PendingPostId: "p"})
	s.Advance(31 * time.Second)
	c.mustPost(t, &model.Post{Message: "x", PendingPostId: "p"})
	if n := len(s.Posts()); n != 2 {
		t.Errorf("%d posts, want 2", n)
	}
}

func TestServer_bodyTooLarge(t *testing.T) {
	for version, want := range map[string]int{"9.9": 400, "11.1": 413} {
		s := New(t)
		s.Configure(func(x *Settings) { x.Version = version })
		c := bot(t, s)
		big := &model.Post{Props: model.StringInterface{"attachments": []*model.MessageAttachment{{Text: strings.Repeat("x", 300_000)}}}}
		if _, status := c.post(t, big); status != want {
			t.Errorf("%s: status %d, want %d", version, status, want)
		}
		if status, _ := send(t, s.HookURL, `{"text":"`+strings.Repeat("x", 300_000)+`"}`); status != 400 {
			t.Errorf("%s: webhook status %d, want 400", version, status)
		}
	}
}

func TestServer_editLimit(t *testing.T) {
	s := New(t)
	c := bot(t, s)
	s.Configure(func(x *Settings) { x.EditLimit = time.Minute })
	p := c.mustPost(t, &model.Post{Message: "x"})
	s.Advance(2 * time.Minute)
	message, props := "y", model.StringInterface{"a": "b"}
	try := func(patch *model.PostPatch, want int) {
		t.Helper()
		if _, resp, _ := c.PatchPost(t.Context(), p.Id, patch); resp.StatusCode != want {
			t.Errorf("status %d, want %d", resp.StatusCode, want)
		}
	}
	try(&model.PostPatch{Message: &message}, 400)
	try(&model.PostPatch{Props: &props}, 200)
	s.Configure(func(x *Settings) { x.StrictEdits = true })
	try(&model.PostPatch{Props: &props}, 400)
	if got := s.Posts()[0]; len(got.Edits) != 1 || got.EditedAt.IsZero() || got.Props["a"] != "b" {
		t.Errorf("got %+v", got)
	}
}

func TestServer_hookSplitsAndRefuses(t *testing.T) {
	s := New(t)
	if status, _ := send(t, s.HookURL, `{"text":"`+strings.Repeat("é", 40_000)+`"}`); status != 200 {
		t.Fatalf("status %d", status)
	}
	if n := len(s.Posts()); n != 3 {
		t.Errorf("%d posts, want 3", n)
	}
	root := s.Posts()[0].ID
	if status, _ := send(t, s.HookURL, `{"text":"x","root_id":"`+root+`"}`); status != 200 || len(s.Posts()) != 4 {
		t.Errorf("root_id was not ignored")
	}
	s.Configure(func(x *Settings) { x.RootIDsInHooks = true })
	if status, _ := send(t, s.HookURL, `{"text":"x","root_id":"`+root+`"}`); status != 200 || len(s.Posts()[0].Replies) != 1 {
		t.Errorf("root_id was ignored")
	}
	if status, _ := send(t, s.HookURL, `{}`); status != 400 {
		t.Errorf("empty: status %d", status)
	}
	if status, _ := send(t, s.HookURL+"x", `{"text":"x"}`); status != 400 {
		t.Errorf("unknown hook: status %d", status)
	}
	s.Configure(func(x *Settings) { x.HooksOff = true })
	if status, _ := send(t, s.HookURL, `{"text":"x"}`); status != 501 {
		t.Errorf("hooks off: status %d", status)
	}
}

func TestServer_notifies(t *testing.T) {
	for version, field := range map[string]int{"9.9": 0, "11.1": 1} {
		for text, want := range map[string]int{
			"@anne": 1, "@channel": 1, "hi @ANNE!": 1, "x@anne": 0, "`@anne`": 0, "@annex": 0, "@\u200banne": 0,
		} {
			for where, p := range map[string]*model.Post{
				"message": {Message: text},
				"text":    attached(&model.MessageAttachment{Text: text}),
				"pretext": attached(&model.MessageAttachment{Pretext: text}),
				"field":   attached(&model.MessageAttachment{Fields: []*model.MessageAttachmentField{{Value: text}}}),
			} {
				s := New(t)
				s.Configure(func(x *Settings) { x.Version = version })
				bot(t, s).mustPost(t, p)
				expect := want
				if where == "field" {
					expect *= field
				}
				if got := s.Notified("anne"); got != expect {
					t.Errorf("%s: %q in %s called anne %d times, want %d", version, text, where, got, expect)
				}
			}
		}
	}
}

func attached(a *model.MessageAttachment) *model.Post {
	return &model.Post{Props: model.StringInterface{"attachments": []*model.MessageAttachment{a}}}
}

func TestServer_editsCallNobody(t *testing.T) {
	s := New(t)
	c := bot(t, s)
	p := c.mustPost(t, &model.Post{Message: "x"})
	message := "@channel"
	if _, _, err := c.PatchPost(t.Context(), p.Id, &model.PostPatch{Message: &message}); err != nil {
		t.Fatal(err)
	}
	if n := s.Notified("anne"); n != 0 {
		t.Errorf("anne was called %d times", n)
	}
}

func TestServer_rateLimit(t *testing.T) {
	s := New(t)
	s.Configure(func(x *Settings) { x.RatePerSecond, x.Burst = 10, 3 })
	for i := range 5 {
		status, body := send(t, s.HookURL, `{"text":"x"}`)
		if i < 3 && status != 200 || i >= 3 && (status != 429 || strings.TrimSpace(body) != "limit exceeded") {
			t.Errorf("request %d: status %d, %q", i, status, body)
		}
	}
	_, resp, err := bot(t, s).GetMe(t.Context(), "")
	if err == nil || resp.StatusCode != 429 {
		t.Fatalf("got %v", err)
	}
	for _, h := range []string{"Retry-After", "X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset"} {
		if resp.Header.Get(h) == "" {
			t.Errorf("no header %s", h)
		}
	}
	s.Advance(time.Second)
	if status, _ := send(t, s.HookURL, `{"text":"x"}`); status != 200 {
		t.Errorf("a second later: status %d", status)
	}
}

func TestServer_faults(t *testing.T) {
	for name, x := range map[string]struct {
		fault  Fault
		stored int
		status int // 0: no answer
	}{
		"hang":        {Fault{Kind: Hang}, 0, 0},
		"close half":  {Fault{Kind: CloseHalf}, 0, 200},
		"status":      {Fault{Kind: Status, Status: 503}, 0, 503},
		"html":        {Fault{Kind: HTML, Status: 502}, 0, 502},
		"broken json": {Fault{Kind: BrokenJSON}, 1, 201},
		"lost answer": {Fault{Kind: LoseAnswer}, 1, 0},
		"wait":        {Fault{Kind: Wait, RetryAfter: "9"}, 0, 429},
	} {
		t.Run(name, func(t *testing.T) {
			s := New(t)
			c := bot(t, s)
			s.Fail(x.fault)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			_, resp, err := c.CreatePost(ctx, &model.Post{ChannelId: c.channel, Message: "x"})
			if err == nil {
				t.Fatal("it succeeded")
			}
			got := 0
			if resp != nil {
				got = resp.StatusCode
			}
			if got != x.status || len(s.Posts()) != x.stored {
				t.Errorf("status %d, %d posts; want %d, %d", got, len(s.Posts()), x.status, x.stored)
			}
			c.mustPost(t, &model.Post{Message: "y"}) // the fault was for one request
		})
	}
}

func TestServer_saysWhatItDoesNotKnow(t *testing.T) {
	s := Start()
	defer s.Close()
	c := bot(t, s)
	if _, resp, _ := c.GetUserByUsername(t.Context(), "anne", ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("status %d", resp.StatusCode)
	}
	if u := s.Unknown(); len(u) != 1 || !strings.Contains(u[0], "username/anne") {
		t.Errorf("got %q", u)
	}
}

func TestServer_refusesBots(t *testing.T) {
	s := New(t)
	c := bot(t, s)
	_, resp, _ := c.CreatePostEphemeral(t.Context(), &model.PostEphemeral{UserID: "x", Post: &model.Post{ChannelId: c.channel}})
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("ephemeral: status %d", resp.StatusCode)
	}
}
