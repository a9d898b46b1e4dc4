package mattermost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// These are the parts of Mattermost's API, version 4, that we use, under the
// server's own names. Mattermost's Go client holds 1.2 MiB of emoji and the
// like in every program that links it, so it serves in the tests alone: the
// server there decodes what we send with its types.

// A post is a message of a channel.
type post struct {
	ID            string        `json:"id,omitempty"`
	CreateAt      int64         `json:"create_at,omitempty"` // milliseconds
	DeleteAt      int64         `json:"delete_at,omitempty"` // 0: it is there
	ChannelID     string        `json:"channel_id"`
	RootID        string        `json:"root_id,omitempty"`
	Message       string        `json:"message"`
	PendingPostID string        `json:"pending_post_id,omitempty"` // what the server knows a repetition by
	Props         props         `json:"props,omitempty"`
	Metadata      *postMetadata `json:"metadata,omitempty"`
}

// props are what a post has besides its message. Other people's have any form.
type props map[string]any

const propAttachments = "attachments"

type postMetadata struct {
	Priority postPriority `json:"priority"`
}

type postPriority struct {
	Priority string `json:"priority"`
}

// An attachment is a box with a coloured edge.
type attachment struct {
	Fallback  string `json:"fallback"`
	Color     string `json:"color"` // good, warning, danger, or #rrggbb
	Pretext   string `json:"pretext"`
	Title     string `json:"title"`
	TitleLink string `json:"title_link"`
	Text      string `json:"text"`
	Footer    string `json:"footer"`
}

// attachments returns those of a post that was read, as far as they have the
// form that ours have.
func (p *post) attachments() []attachment {
	list, _ := p.Props[propAttachments].([]any)
	var out []attachment
	for _, raw := range list {
		var a attachment
		if b, err := json.Marshal(raw); err == nil && json.Unmarshal(b, &a) == nil {
			out = append(out, a)
		}
	}
	return out
}

// A postList is a page of posts, by id.
type postList struct {
	Posts map[string]*post `json:"posts"`
}

// A response is what came back, its body aside.
type response struct {
	status int
	header http.Header
}

// serverError is what the server says of a request that it refuses.
type serverError struct {
	ID string `json:"id"`
}

// Error implements error.
func (e *serverError) Error() string { return e.ID }

// api speaks to a server as a bot.
type api struct {
	http  *http.Client
	base  string // the server's address, without a slash at its end
	token string
}

func (a *api) channelID(ctx context.Context, team, name string) (string, *response, error) {
	var channel struct {
		ID string `json:"id"`
	}
	resp, err := a.do(ctx, http.MethodGet, nil, &channel, "teams", "name", team, "channels", "name", name)
	return channel.ID, resp, err
}

func (a *api) settings(ctx context.Context) (map[string]string, *response, error) {
	var settings map[string]string
	resp, err := a.do(ctx, http.MethodGet, nil, &settings, "config", "client")
	return settings, resp, err
}

// create makes a post and returns its id.
func (a *api) create(ctx context.Context, p *post) (string, *response, error) {
	var made post
	resp, err := a.do(ctx, http.MethodPost, p, &made, "posts")
	return made.ID, resp, err
}

func (a *api) patch(ctx context.Context, id string, p props) (*response, error) {
	change := struct {
		Props props `json:"props"`
	}{p}
	return a.do(ctx, http.MethodPut, change, &post{}, "posts", id, "patch")
}

// newest returns the channel's posts, so many at the most.
func (a *api) newest(ctx context.Context, channel string, count int) (*postList, *response, error) {
	var list *postList
	resp, err := a.do(ctx, http.MethodGet, nil, &list, "channels", channel, "posts?page=0&per_page="+strconv.Itoa(count))
	return list, resp, err
}

func (a *api) thread(ctx context.Context, root string) (*postList, *response, error) {
	var list *postList
	resp, err := a.do(ctx, http.MethodGet, nil, &list, "posts", root, "thread")
	return list, resp, err
}

// do makes a request and reads the answer, which a.http bounds. There is no
// response when there was no answer. The path's last part may have a query.
func (a *api) do(ctx context.Context, method string, send, receive any, path ...string) (*response, error) {
	for i, part := range path[:len(path)-1] {
		path[i] = url.PathEscape(part)
	}
	address := a.base + "/api/v4/" + strings.Join(path, "/")
	var body bytes.Buffer
	if send != nil {
		if err := json.NewEncoder(&body).Encode(send); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, address, &body)
	if err != nil {
		return nil, errors.New("the address can't be used")
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	r.Header.Set("Content-Type", "application/json")
	got, err := a.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer got.Body.Close()
	resp := &response{status: got.StatusCode, header: got.Header}
	answer := json.NewDecoder(got.Body)
	if resp.status >= http.StatusMultipleChoices {
		var refused serverError
		if err := answer.Decode(&refused); err != nil {
			return resp, fmt.Errorf("a refusal that can't be read: %w", err)
		}
		return resp, &refused
	}
	return resp, answer.Decode(receive)
}
