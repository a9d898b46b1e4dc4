package mattermost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"tocsin/alerts"
)

// sayByHook makes a post for each change. The server gives no id back, so
// what was said is known by our own record alone: when a crash or a lost
// answer comes between the two, a post is repeated rather than lost.
func (v *Voice) sayByHook(ctx context.Context, n alerts.Notification) error {
	if n.Reason == alerts.Refresh {
		return nil // worth an edit, never a post
	}
	e, _ := v.store.get(n.Group)
	p := makePlan(e.Told, n, 0)
	state := n.State()
	if e.Said == state && p.notice != noticeReminder {
		return nil
	}
	source, err := v.cfg.hook().Read()
	if err != nil {
		return err
	}
	t := p.next
	if e.Said == "" || p.fresh {
		t = tell(n)
	}
	t.Noticed = n.At
	// A part that has ended is told, and calls nobody.
	calls := e.Said == "" || p.fresh || p.notice != noticeNone
	if err := v.postByHook(ctx, source.Reveal(), n, t, calls); err != nil {
		return err
	}
	e.Told, e.Said = t, state
	v.store.put(e)
	return nil
}

// postByHook sends the message, smaller as long as it is refused for what may
// be its size.
func (v *Voice) postByHook(ctx context.Context, address string, n alerts.Notification, t told, calls bool) error {
	t.Count, t.Opened = 1, n.At // the posts stand each for itself
	var last error
	smaller := sizes()
	for len(smaller) > 0 {
		var content props
		content, smaller = v.props(n, t, "", smaller)
		attachments, _ := content[propAttachments].([]attachment)
		delete(content, propAttachments)
		if !calls && len(attachments) > 0 {
			attachments[0].Pretext = ""
		}
		body, err := json.Marshal(hookRequest{
			Username: v.cfg.Username, IconURL: v.cfg.IconURL, Attachments: attachments, Props: content,
		})
		if err != nil {
			return err
		}
		last = v.gate.call(ctx, opHook, func() (*response, error) { return v.send(ctx, address, body) })
		if c := status(last); c != http.StatusBadRequest && c != http.StatusRequestEntityTooLarge {
			return last
		}
	}
	return last
}

// hookRequest is what an incoming webhook takes, as far as we use it.
type hookRequest struct {
	Username    string       `json:"username,omitempty"`
	IconURL     string       `json:"icon_url,omitempty"`
	Attachments []attachment `json:"attachments"`
	Props       props        `json:"props"`
}

// send makes one request. Its errors are read by explain, and not passed on:
// they quote the address.
func (v *Voice) send(ctx context.Context, address string, body []byte) (*response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the address can't be used")
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := v.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	// The rest is read so that the connection can be used again.
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	answer := &response{status: resp.StatusCode, header: resp.Header}
	if answer.status != http.StatusOK {
		return answer, errors.New("refused")
	}
	return answer, nil
}
