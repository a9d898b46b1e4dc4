package mattermosttest

import (
	"slices"
	"strings"
	"time"

	"github.com/mattermost/mattermost/server/public/model"
)

// A Post is one that the server has.
type Post struct {
	ID          string
	Root        string // the id of the post that it replies to
	ChannelID   string
	UserID      string
	Message     string
	Props       map[string]any
	Attachments []*model.MessageAttachment
	Priority    string
	FromWebhook bool
	CreatedAt   time.Time
	EditedAt    time.Time // zero: never
	DeletedAt   time.Time // zero: it is there
	Edits       []Edit    // what it was before each edit, the oldest first
	Replies     []Post    // filled by Posts

	model   *model.Post
	pending string
}

// An Edit is what a post was before it was changed.
type Edit struct {
	At          time.Time
	Message     string
	Attachments []*model.MessageAttachment
}

// Posts returns the posts of all channels that reply to nothing, with their
// replies, the oldest first; deleted ones too.
func (s *Server) Posts() []Post {
	s.mu.Lock()
	defer s.mu.Unlock()
	var roots []Post
	for _, p := range s.posts {
		if p.Root != "" {
			continue
		}
		root := p.snapshot()
		for _, r := range s.posts {
			if r.Root == p.ID {
				root.Replies = append(root.Replies, r.snapshot())
			}
		}
		roots = append(roots, root)
	}
	return roots
}

// Delete removes a post, as its author would.
func (s *Server) Delete(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.find(id); p != nil {
		p.remove(s.now())
	}
}

// Text returns all that a reader sees of the post.
func (p Post) Text() string {
	parts := []string{p.Message}
	for _, a := range p.Attachments {
		parts = append(parts, a.Pretext, a.Title, a.Text, a.Footer)
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "\n")
}

// Color returns the colour of the post's first attachment.
func (p Post) Color() string {
	if len(p.Attachments) == 0 {
		return ""
	}
	return p.Attachments[0].Color
}

func (p *Post) snapshot() Post {
	c := *p
	c.Edits = slices.Clone(p.Edits)
	return c
}

// refresh copies what can be edited from the model.
func (p *Post) refresh() {
	p.Message, p.Props = p.model.Message, p.model.GetProps()
	p.Attachments = p.model.Attachments()
}

func (p *Post) remove(now time.Time) {
	p.DeletedAt = now
	p.model.DeleteAt = now.UnixMilli()
}

// find returns a post, deleted or not, or nil. The caller holds mu.
func (s *Server) find(id string) *Post {
	for _, p := range s.posts {
		if p.ID == id {
			return p
		}
	}
	return nil
}
