package mattermosttest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/mattermost/mattermost/server/public/model"
)

// pendingFor is how long the server knows a pending_post_id.
const pendingFor = 30 * time.Second

// body reads a request's body into v. Above the limit, or when it is no JSON,
// the request has been answered and body returns false.
func (s *Server) body(w http.ResponseWriter, r *http.Request, v any) bool {
	b, _ := io.ReadAll(r.Body)
	if len(b) > s.settings.MaxBody {
		status := http.StatusRequestEntityTooLarge
		if s.settings.Version == "9.9" || r.URL.Path[:7] == "/hooks/" {
			status = http.StatusBadRequest
		}
		s.refuse(w, r, status, "api.context.request_body_too_large.app_error")
		return false
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(v); err != nil {
		s.refuse(w, r, http.StatusBadRequest, "api.context.invalid_body_param.app_error")
		return false
	}
	return true
}

func (s *Server) createPost(w http.ResponseWriter, r *http.Request) {
	var p model.Post
	if !s.body(w, r, &p) {
		return
	}
	if !s.member[p.ChannelId] {
		s.refuse(w, r, http.StatusForbidden, "api.context.permissions.app_error")
		return
	}
	if status, id := s.checkPriority(&p); status != 0 {
		s.refuse(w, r, status, id)
		return
	}
	if known := s.pending(p.PendingPostId); known != nil {
		s.writePost(w, http.StatusCreated, known)
		return
	}
	if p.RootId != "" {
		root := s.find(p.RootId)
		if root == nil || root.Root != "" || !root.DeletedAt.IsZero() || root.ChannelID != p.ChannelId {
			s.refuse(w, r, http.StatusBadRequest, "api.post.create_post.root_id.app_error")
			return
		}
	}
	if status, id := s.checkText(&p); status != 0 {
		s.refuse(w, r, status, id)
		return
	}
	p.UserId = botID
	s.writePost(w, http.StatusCreated, s.store(&p))
}

// pending returns the post that was made with the same pending_post_id a
// short while ago.
func (s *Server) pending(id string) *Post {
	if id == "" {
		return nil
	}
	for _, p := range s.posts {
		if p.pending == id && s.now().Sub(p.CreatedAt) <= pendingFor {
			return p
		}
	}
	return nil
}

func (s *Server) checkPriority(p *model.Post) (status int, id string) {
	if p.Metadata == nil || p.Metadata.Priority == nil {
		return 0, ""
	}
	level := p.Metadata.Priority
	asks := level.RequestedAck != nil && *level.RequestedAck ||
		level.PersistentNotifications != nil && *level.PersistentNotifications
	switch {
	case !s.settings.Priority:
		return http.StatusForbidden, "api.post.post_priority.priority_post_not_allowed_for_user.request_error"
	case p.RootId != "":
		return http.StatusBadRequest, "api.post.post_priority.priority_post_only_allowed_for_root_post.request_error"
	case asks && !s.settings.Licensed:
		return http.StatusNotImplemented, "license_error.feature_unavailable"
	}
	return 0, ""
}

func (s *Server) checkText(p *model.Post) (status int, id string) {
	props, _ := json.Marshal(p.GetProps())
	switch {
	case utf8.RuneCountInString(p.Message) > s.settings.MaxMessage:
		return http.StatusBadRequest, "model.post.is_valid.message_length.app_error"
	case utf8.RuneCount(props) > model.PostPropsMaxUserRunes:
		return http.StatusBadRequest, "model.post.is_valid.props.app_error"
	}
	return 0, ""
}

// store keeps a new post and calls those it mentions.
func (s *Server) store(p *model.Post) *Post {
	now := s.now()
	p.Id, p.CreateAt, p.UpdateAt = model.NewId(), now.UnixMilli(), now.UnixMilli()
	kept := &Post{
		ID: p.Id, Root: p.RootId, ChannelID: p.ChannelId, UserID: p.UserId, CreatedAt: now,
		model: p, pending: p.PendingPostId, FromWebhook: p.GetProp("from_webhook") == "true",
	}
	if p.Metadata != nil && p.Metadata.Priority != nil && p.Metadata.Priority.Priority != nil {
		kept.Priority = *p.Metadata.Priority.Priority
	}
	kept.refresh()
	s.posts = append(s.posts, kept)
	s.notify(kept)
	return kept
}

func (s *Server) patchPost(w http.ResponseWriter, r *http.Request) {
	var patch model.PostPatch
	if !s.body(w, r, &patch) {
		return
	}
	p := s.find(r.PathValue("id"))
	switch {
	case p == nil:
		s.refuse(w, r, http.StatusNotFound, "app.post.get.app_error")
		return
	case !p.DeletedAt.IsZero(), p.UserID != botID, !s.member[p.ChannelID]:
		s.refuse(w, r, http.StatusForbidden, "api.context.permissions.app_error")
		return
	}
	late := s.settings.EditLimit >= 0 && s.now().Sub(p.CreatedAt) > s.settings.EditLimit
	if late && (patch.Message != nil || s.settings.StrictEdits) {
		s.refuse(w, r, http.StatusBadRequest, "api.post.update_post.permissions_time_limit.app_error")
		return
	}
	changed := p.model.Clone()
	changed.Patch(&patch)
	if status, id := s.checkText(changed); status != 0 {
		s.refuse(w, r, status, id)
		return
	}
	if !equalJSON(changed.GetProps(), p.model.GetProps()) || changed.Message != p.Message {
		now := s.now()
		p.Edits = append(p.Edits, Edit{At: now, Message: p.Message, Attachments: p.Attachments})
		p.EditedAt = now
		changed.EditAt, changed.UpdateAt = now.UnixMilli(), now.UnixMilli()
		p.model = changed
		p.refresh()
	}
	s.writePost(w, http.StatusOK, p)
}

func (s *Server) deletePost(w http.ResponseWriter, r *http.Request) {
	p := s.find(r.PathValue("id"))
	if p == nil || !p.DeletedAt.IsZero() {
		s.refuse(w, r, http.StatusNotFound, "app.post.get.app_error")
		return
	}
	if p.UserID != botID {
		s.refuse(w, r, http.StatusForbidden, "api.context.permissions.app_error")
		return
	}
	p.remove(s.now())
	answer(w, http.StatusOK, map[string]string{"status": "OK"})
}

func equalJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
