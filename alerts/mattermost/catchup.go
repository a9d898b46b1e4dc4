package mattermost

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"tocsin/alerts"
)

// groupMark is how a post tells its group: short, and without its labels.
func groupMark(group string) string {
	sum := sha256.Sum256([]byte(group))
	return hex.EncodeToString(sum[:12])
}

// catchUp finds out what came of the intents that e still has, left by a
// crash or by an answer that never came. Afterwards e has no reply that waits;
// a post that waits is there only while the server would know it by its
// pending_post_id.
func (s *session) catchUp(ctx context.Context, e *entry, n alerts.Notification, lost bool) error {
	if e.Root != nil && s.v.now().Sub(e.Root.At) > dedupWindow {
		p, err := s.findRoot(ctx, propIntent, e.Root.ID, nil)
		if s.unsearched(err) {
			return err
		}
		if p != nil {
			e.Post, e.Told, e.Said = p.ID, e.Root.Told, ""
		}
		e.Root = nil
		s.v.store.put(*e)
	}
	if e.Reply != nil {
		if err := s.catchUpReply(ctx, e); err != nil {
			return err
		}
	}
	if e.Post == "" && e.Root == nil && (lost || n.Firing() == 0) {
		return s.adopt(ctx, e, n)
	}
	return nil
}

// unsearched tells whether a search failed in a way that will pass. A search that
// would fail again is taken as one that found nothing: a message said twice is
// better than one never said.
func (s *session) unsearched(err error) bool {
	var call *callError
	if !errors.As(err, &call) {
		return err != nil
	}
	if call.retry() && call.cause != alerts.CauseBadAnswer || call.cause == alerts.CauseAuth {
		return true
	}
	s.v.log.Warn("the channel could not be searched for a post of ours: it may be posted again", "error", err)
	return false
}

// catchUpReply makes sure that the reply which e still has is in the thread,
// or is known not to be.
func (s *session) catchUpReply(ctx context.Context, e *entry) error {
	if s.v.now().Sub(e.Reply.At) <= dedupWindow {
		err := s.reply(ctx, e)
		if c := status(err); c != http.StatusBadRequest && c != http.StatusForbidden && c != http.StatusNotFound {
			return err
		}
		// The post is gone; the edit that follows finds out.
		e.Reply = nil
		return nil
	}
	p, err := s.findReply(ctx, e.Post, e.Reply.ID)
	if s.unsearched(err) {
		return err
	}
	if p != nil {
		e.Told = e.Reply.Told
	}
	e.Reply = nil
	s.v.store.put(*e)
	return nil
}

// adopt looks for the post of a group that we know nothing of: the state file
// was lost, or the end is told of what we never said began.
func (s *session) adopt(ctx context.Context, e *entry, n alerts.Notification) error {
	p, err := s.findRoot(ctx, propGroup, groupMark(n.Group), func(p *post) bool {
		return p.RootID == "" && isOpen(p)
	})
	if s.unsearched(err) {
		return err
	}
	if p == nil {
		return nil
	}
	e.Post, e.Said = p.ID, ""
	e.Told = tell(n)
	e.Told.Opened = time.UnixMilli(p.CreateAt)
	e.Told.Settled = time.Time{}
	s.v.store.put(*e)
	return nil
}
