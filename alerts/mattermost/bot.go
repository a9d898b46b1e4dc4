package mattermost

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/alerts"
)

// The props by which we know our own posts again.
const (
	propIntent = "tocsin"       // the intent's id
	propGroup  = "tocsin_group" // a digest of the group
)

// maxBody is the size, encoded, beyond which a message is made shorter before
// it is sent. Servers take 300,000 bytes unless they are told otherwise.
const maxBody = 60_000

// smallBody is the size below which a refusal can't be about size.
const smallBody = 2_000

// sayAsBot brings the group's post, and its thread, to what n tells.
func (v *Voice) sayAsBot(ctx context.Context, n alerts.Notification) error {
	e, lost := v.store.get(n.Group)
	if e.settledAs(n) {
		return nil
	}
	s, err := v.open(ctx)
	if err != nil {
		return err
	}
	if err := s.catchUp(ctx, &e, n, lost); err != nil {
		return err
	}
	if e.Post == "" {
		if err := s.post(ctx, &e, n, tell(n)); err != nil {
			return err
		}
	}
	return s.bring(ctx, &e, n)
}

// settledAs tells whether all of n has been said, so that no request is
// needed.
func (e *entry) settledAs(n alerts.Notification) bool {
	if e.Post == "" || e.Root != nil || e.Reply != nil {
		return false
	}
	p := makePlan(e.Told, n, 0)
	return !p.fresh && p.notice == noticeNone && e.Said == said(n, p.next)
}

// said is a digest of what a post shows.
func said(n alerts.Notification, t told) string {
	return n.Content() + "/" + t.Opened.UTC().Format(time.RFC3339) + "/" + strconv.Itoa(t.Count)
}

// bring edits the post and replies to it, as far as they do not tell n yet.
func (s *session) bring(ctx context.Context, e *entry, n alerts.Notification) error {
	p := makePlan(e.Told, n, time.Duration(s.v.cfg.ReopenWithin))
	if p.fresh {
		*e = entry{Group: e.Group}
		return s.post(ctx, e, n, tell(n))
	}
	if p.notice != noticeNone || e.Said != said(n, p.next) {
		moved, err := s.edit(ctx, e, n, p.next)
		if moved || err != nil {
			return err
		}
	}
	if p.notice == noticeNone {
		e.Told, e.Said = p.next, said(n, p.next)
		s.v.store.put(*e)
		return nil
	}
	e.Reply = &intent{
		ID: s.v.newID(), At: s.v.now(), Told: p.next,
		Text: s.v.render.reply(p.notice, n, p.next, p.added),
	}
	e.Said = said(n, p.next)
	s.v.store.put(*e)
	if err := s.reply(ctx, e); err != nil {
		if status(err) != http.StatusBadRequest {
			return err
		}
		// The post was deleted since we edited it.
		*e = entry{Group: e.Group}
		return s.post(ctx, e, n, p.next)
	}
	return nil
}

// post makes the group's post. An intent that e has already is used again:
// the server may have that post.
func (s *session) post(ctx context.Context, e *entry, n alerts.Notification, t told) error {
	again := e.Root != nil
	if !again {
		e.Root = &intent{ID: s.v.newID(), At: s.v.now(), Told: t}
		s.v.store.put(*e)
	}
	id, err := s.createRoot(ctx, e, n)
	if err != nil {
		if c := status(err); c == http.StatusForbidden || c == http.StatusNotFound {
			s.forgetChannel()
		}
		return err
	}
	e.Post, e.Told, e.Said = id, e.Root.Told, said(n, e.Root.Told)
	if again {
		// What the server has may be the older text.
		e.Said = ""
	}
	e.Root = nil
	s.v.store.put(*e)
	return nil
}

// createRoot sends the post, smaller and without what the server refuses as
// long as there is something to leave out. It keeps the intent's id.
func (s *session) createRoot(ctx context.Context, e *entry, n alerts.Notification) (string, error) {
	var last error
	smaller, withPriority := sizes(), s.priority
	for len(smaller) > 0 {
		var content props
		content, smaller = s.v.props(n, e.Root.Told, e.Root.ID, smaller)
		p := &post{ChannelID: s.channel, PendingPostID: e.Root.ID, Props: content}
		if withPriority {
			p.Metadata = priority(n)
		}
		id, err := s.create(ctx, opPost, p)
		if err == nil {
			if withPriority != s.priority {
				s.setPriority(withPriority)
			}
			return id, nil
		}
		last = err
		switch c := status(err); {
		case (c == http.StatusForbidden || c == http.StatusNotImplemented) && p.Metadata != nil:
			// A server without priorities, perhaps; the same again without.
			withPriority, smaller = false, sizes()
		case c == http.StatusBadRequest || c == http.StatusRequestEntityTooLarge:
		default:
			return "", err
		}
	}
	return "", last
}

// edit changes the post. When the server does not let it be changed, the
// group gets a new post, which is told by moved.
func (s *session) edit(ctx context.Context, e *entry, n alerts.Notification, t told) (moved bool, err error) {
	smaller := sizes()
	for len(smaller) > 0 {
		var content props
		content, smaller = s.v.props(n, t, "", smaller)
		err = s.patch(ctx, e.Post, content)
		if c := status(err); c != http.StatusBadRequest && c != http.StatusRequestEntityTooLarge {
			break
		}
	}
	switch status(err) {
	case 0:
		return false, err
	case http.StatusForbidden, http.StatusNotFound:
		// Deleted, or not ours.
		*e = entry{Group: e.Group}
		return true, s.post(ctx, e, n, t)
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		// The edit limit has passed.
		old := e.Post
		*e = entry{Group: e.Group}
		if err := s.post(ctx, e, n, t); err != nil {
			return true, err
		}
		s.sayContinued(ctx, old)
		return true, nil
	default:
		return false, err
	}
}

// sayContinued tells those who read the old post's thread where it goes on.
// The new post is there already, so a failure costs little.
func (s *session) sayContinued(ctx context.Context, old string) {
	_, err := s.create(ctx, opReply, &post{
		ChannelID: s.channel, RootID: old, PendingPostID: s.v.newID(),
		Message: s.v.render.words.Phrases().Continued,
	})
	if err != nil {
		s.v.log.Debug("the old post's thread was not told of the new post", "error", err)
	}
}

// reply sends e's reply, or the beginning of it where the server takes no
// more.
func (s *session) reply(ctx context.Context, e *entry) error {
	p := &post{
		ChannelID: s.channel, RootID: e.Post, Message: e.Reply.Text, PendingPostID: e.Reply.ID,
		Props: props{propIntent: e.Reply.ID, propGroup: groupMark(e.Group)},
	}
	_, err := s.create(ctx, opReply, p)
	if status(err) == http.StatusRequestEntityTooLarge {
		line, _, _ := strings.Cut(p.Message, "\n")
		p.Message = alerts.Cut(line, 150)
		_, err = s.create(ctx, opReply, p)
	}
	if err != nil {
		return err
	}
	e.Told, e.Reply = e.Reply.Told, nil
	s.v.store.put(*e)
	return nil
}

// props returns a post's props in the largest of these sizes that is small
// enough, and the sizes below it that are worth a try.
func (v *Voice) props(n alerts.Notification, t told, intent string, among []size) (props, []size) {
	for i, z := range among {
		p := props{
			propAttachments: []attachment{v.render.attachment(n, t, z)},
			propGroup:       groupMark(n.Group),
		}
		if intent != "" {
			p[propIntent] = intent
		}
		b, err := json.Marshal(p)
		switch {
		case err == nil && len(b) <= smallBody, i == len(among)-1:
			return p, nil
		case err == nil && len(b) <= maxBody:
			return p, among[i+1:]
		}
	}
	return nil, nil
}

// priority is the mark that the server puts on urgent posts.
func priority(n alerts.Notification) *postMetadata {
	level := ""
	switch {
	case n.Firing() == 0:
	case n.Worst() == alerts.Critical:
		level = "urgent"
	case n.Worst() == alerts.Warning:
		level = "important"
	}
	if level == "" {
		return nil
	}
	return &postMetadata{Priority: postPriority{Priority: level}}
}

// isOpen tells whether a post of ours, found in the channel, shows an alert
// that fires.
func isOpen(p *post) bool {
	return !slices.ContainsFunc(p.attachments(), func(a attachment) bool {
		return a.Color == "good" || a.Color == unwatchedColor
	})
}
