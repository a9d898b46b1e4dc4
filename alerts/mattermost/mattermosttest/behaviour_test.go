package mattermosttest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/mattermost/mattermost/server/public/model"

	"tocsin/internal/testenv"
)

// A client is a bot before a server, which is the fake or a real one.
type client struct {
	*model.Client4
	channel, hook string
}

// servers runs a test against the fake and, where the environment names one,
// against a real server: what they answer must be the same.
func servers(t *testing.T, test func(*testing.T, client)) {
	open := func(t *testing.T, url, token, team, channel, hook string) client {
		t.Helper()
		c := client{Client4: model.NewAPIv4Client(url), hook: hook}
		c.SetToken(token)
		found, _, err := c.GetChannelByNameForTeamName(t.Context(), channel, team, "")
		if err != nil {
			t.Fatal(err)
		}
		c.channel = found.Id
		return c
	}
	t.Run("fake", func(t *testing.T) {
		s := New(t)
		test(t, open(t, s.URL, s.Token, s.Team, s.Channel, s.HookURL))
	})
	t.Run("real", func(t *testing.T) {
		const env = "TOCSIN_E2E_MATTERMOST_"
		if os.Getenv(env+"URL") == "" {
			testenv.Skip(t, env+"URL is not set: the fake Mattermost is not compared with a real one")
		}
		test(t, open(t, os.Getenv(env+"URL"), os.Getenv(env+"BOT_TOKEN"), os.Getenv(env+"TEAM"),
			os.Getenv(env+"CHANNEL"), os.Getenv(env+"HOOK")))
	})
}

// post makes a post that is deleted when the test ends.
func (c client) post(t *testing.T, p *model.Post) (*model.Post, int) {
	t.Helper()
	p.ChannelId = c.channel
	made, resp, err := c.CreatePost(t.Context(), p)
	if err == nil {
		id := made.Id
		t.Cleanup(func() { _, _ = c.DeletePost(context.Background(), id) })
	}
	return made, resp.StatusCode
}

func (c client) mustPost(t *testing.T, p *model.Post) *model.Post {
	t.Helper()
	made, status := c.post(t, p)
	if status != http.StatusCreated {
		t.Fatalf("status %d", status)
	}
	return made
}

func priority(level string, ack bool) *model.PostMetadata {
	return &model.PostMetadata{Priority: &model.PostPriority{Priority: &level, RequestedAck: &ack}}
}

func TestServer_refusesAsTheRealOne(t *testing.T) {
	servers(t, func(t *testing.T, c client) {
		root := c.mustPost(t, &model.Post{Message: "root"})
		gone := c.mustPost(t, &model.Post{Message: "gone"})
		if _, err := c.DeletePost(t.Context(), gone.Id); err != nil {
			t.Fatal(err)
		}
		for name, x := range map[string]struct {
			post *model.Post
			want int
		}{
			"longest message":     {&model.Post{Message: strings.Repeat("é", 16383)}, 201},
			"message too long":    {&model.Post{Message: strings.Repeat("é", 16384)}, 400},
			"reply":               {&model.Post{Message: "x", RootId: root.Id}, 201},
			"unknown root":        {&model.Post{Message: "x", RootId: model.NewId()}, 400},
			"deleted root":        {&model.Post{Message: "x", RootId: gone.Id}, 400},
			"priority":            {&model.Post{Message: "x", Metadata: priority("urgent", false)}, 201},
			"unknown priority":    {&model.Post{Message: "x", Metadata: priority("bogus", false)}, 201},
			"priority on reply":   {&model.Post{Message: "x", RootId: root.Id, Metadata: priority("urgent", false)}, 400},
			"ack without licence": {&model.Post{Message: "x", Metadata: priority("urgent", true)}, 501},
			"no message": {&model.Post{Props: model.StringInterface{
				"attachments": []*model.MessageAttachment{{Title: "x"}},
			}}, 201},
		} {
			if _, got := c.post(t, x.post); got != x.want {
				t.Errorf("%s: status %d, want %d", name, got, x.want)
			}
		}
		message := "edited"
		patch := &model.PostPatch{Message: &message}
		if _, resp, _ := c.PatchPost(t.Context(), gone.Id, patch); resp.StatusCode != 403 {
			t.Errorf("patch of a deleted post: status %d, want 403", resp.StatusCode)
		}
		if _, resp, _ := c.GetPost(t.Context(), gone.Id, ""); resp.StatusCode != 404 {
			t.Errorf("read of a deleted post: status %d, want 404", resp.StatusCode)
		}
	})
}

func TestServer_wrongToken(t *testing.T) {
	servers(t, func(t *testing.T, c client) {
		c.SetToken("wrong")
		_, resp, err := c.CreatePost(t.Context(), &model.Post{ChannelId: c.channel, Message: "x"})
		var app *model.AppError
		if resp.StatusCode != 401 || !errors.As(err, &app) || app.StatusCode != 401 || app.Id == "" || app.RequestId == "" {
			t.Errorf("status %d, %#v", resp.StatusCode, err)
		}
		if resp.RequestId == "" || resp.ServerVersion == "" {
			t.Errorf("headers %v", resp.Header)
		}
	})
}

func TestServer_samePendingIDIsOnePost(t *testing.T) {
	servers(t, func(t *testing.T, c client) {
		id := model.NewId()
		first := c.mustPost(t, &model.Post{Message: "x", PendingPostId: id})
		second := c.mustPost(t, &model.Post{Message: "x", PendingPostId: id})
		if first.Id != second.Id {
			t.Error("two posts")
		}
	})
}

func TestServer_editsProps(t *testing.T) {
	servers(t, func(t *testing.T, c client) {
		props := func(title string) *model.StringInterface {
			return &model.StringInterface{"attachments": []*model.MessageAttachment{{Title: title}}, "tocsin": "x"}
		}
		p := c.mustPost(t, &model.Post{Props: *props("before")})
		same, _, err := c.PatchPost(t.Context(), p.Id, &model.PostPatch{Props: props("before")})
		if err != nil || same.EditAt != 0 {
			t.Errorf("an edit that changes nothing: edit_at %d, %v", same.EditAt, err)
		}
		if _, _, err := c.PatchPost(t.Context(), p.Id, &model.PostPatch{Props: props("after")}); err != nil {
			t.Fatal(err)
		}
		got, _, err := c.GetPost(t.Context(), p.Id, "")
		if err != nil || len(got.Attachments()) != 1 || got.Attachments()[0].Title != "after" || got.GetProp("tocsin") != "x" {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestServer_listsChannelAndThread(t *testing.T) {
	servers(t, func(t *testing.T, c client) {
		root := c.mustPost(t, &model.Post{Message: "root", Props: model.StringInterface{"tocsin": "r"}})
		reply := c.mustPost(t, &model.Post{Message: "reply", RootId: root.Id, Props: model.StringInterface{"tocsin": "s"}})
		for name, list := range map[string]func() (*model.PostList, *model.Response, error){
			"channel": func() (*model.PostList, *model.Response, error) {
				return c.GetPostsForChannel(t.Context(), c.channel, 0, 100, "", false, false)
			},
			"thread": func() (*model.PostList, *model.Response, error) {
				return c.GetPostThread(t.Context(), root.Id, "", false)
			},
		} {
			l, _, err := list()
			if err != nil {
				t.Fatal(err)
			}
			if l.Posts[root.Id] == nil || l.Posts[reply.Id] == nil || l.Posts[reply.Id].GetProp("tocsin") != "s" {
				t.Errorf("%s: %v", name, l.Order)
			}
		}
	})
}

func TestServer_webhook(t *testing.T) {
	servers(t, func(t *testing.T, c client) {
		if c.hook == "" {
			testenv.Skip(t, "TOCSIN_E2E_MATTERMOST_HOOK is not set: the fake's webhook is not compared with a real one")
		}
		mark := model.NewId()
		status, body := send(t, c.hook, `{"attachments":[{"title":"`+mark+`"}],"props":{"tocsin":"h"}}`)
		if status != 200 || strings.TrimSpace(body) != "ok" {
			t.Fatalf("status %d, %q", status, body)
		}
		l, _, err := c.GetPostsForChannel(t.Context(), c.channel, 0, 100, "", false, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range l.Posts {
			if a := p.Attachments(); len(a) == 1 && a[0].Title == mark {
				if p.GetProp("from_webhook") != "true" || p.GetProp("tocsin") != "h" {
					t.Errorf("props %v", p.GetProps())
				}
				if _, resp, _ := c.PatchPost(t.Context(), p.Id, &model.PostPatch{Message: &mark}); resp.StatusCode != 403 {
					t.Errorf("the bot may edit the webhook's post: status %d", resp.StatusCode)
				}
				return
			}
		}
		t.Error("the post is not in the channel")
	})
}

// send posts to a webhook.
func send(t *testing.T, address, body string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}
