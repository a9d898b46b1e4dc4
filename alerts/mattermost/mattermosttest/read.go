package mattermosttest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/mattermost/mattermost/server/public/model"
)

// writePost writes a post as readers get it: without what its buttons hide.
func (s *Server) writePost(w http.ResponseWriter, status int, p *Post) {
	c := p.model.Clone()
	c.StripActionIntegrations()
	answer(w, status, c)
}

func (s *Server) getPost(w http.ResponseWriter, r *http.Request) {
	p := s.find(r.PathValue("id"))
	switch {
	case p == nil || !p.DeletedAt.IsZero():
		s.refuse(w, r, http.StatusNotFound, "app.post.get.app_error")
	case !s.member[p.ChannelID]:
		s.refuse(w, r, http.StatusForbidden, "api.context.permissions.app_error")
	default:
		s.writePost(w, http.StatusOK, p)
	}
}

func (s *Server) thread(w http.ResponseWriter, r *http.Request) {
	root := s.find(r.PathValue("id"))
	if root == nil || !root.DeletedAt.IsZero() {
		s.refuse(w, r, http.StatusNotFound, "app.post.get.app_error")
		return
	}
	if !s.member[root.ChannelID] {
		s.refuse(w, r, http.StatusForbidden, "api.context.permissions.app_error")
		return
	}
	list := model.NewPostList()
	for _, p := range s.posts {
		if (p == root || p.Root == root.ID) && p.DeletedAt.IsZero() {
			add(list, p)
		}
	}
	answer(w, http.StatusOK, list)
}

// channelPosts lists a page of a channel, the newest first, with the posts
// that its replies belong to.
func (s *Server) channelPosts(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !s.member[id] {
		s.refuse(w, r, http.StatusForbidden, "api.context.permissions.app_error")
		return
	}
	per, err := strconv.Atoi(r.URL.Query().Get("per_page"))
	if err != nil || per <= 0 {
		per = 60
	}
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	var live []*Post
	for _, p := range s.posts {
		if p.ChannelID == id && p.DeletedAt.IsZero() {
			live = append(live, p)
		}
	}
	slices.Reverse(live)
	list := model.NewPostList()
	for _, p := range live[min(page*min(per, 200), len(live)):min((page+1)*min(per, 200), len(live))] {
		add(list, p)
		if root := s.find(p.Root); root != nil && root.DeletedAt.IsZero() {
			list.AddPost(root.model.Clone())
		}
	}
	answer(w, http.StatusOK, list)
}

func add(list *model.PostList, p *Post) {
	c := p.model.Clone()
	c.StripActionIntegrations()
	list.AddPost(c)
	list.AddOrder(c.Id)
}

func (s *Server) channelByName(w http.ResponseWriter, r *http.Request) {
	id, ok := s.channels[r.PathValue("channel")]
	switch {
	case r.PathValue("team") != s.Team:
		s.refuse(w, r, http.StatusNotFound, "app.team.get_by_name.missing.app_error")
	case !ok || !s.member[id] && r.PathValue("channel") == "private":
		s.refuse(w, r, http.StatusNotFound, "app.channel.get_by_name.missing.app_error")
	default:
		answer(w, http.StatusOK, &model.Channel{Id: id, Name: r.PathValue("channel"), Type: model.ChannelTypeOpen})
	}
}

func (s *Server) me(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, &model.User{Id: botID, Username: "tocsin", IsBot: true})
}

func (s *Server) ping(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{"status": "OK"})
}

func (s *Server) clientConfig(w http.ResponseWriter, _ *http.Request) {
	limit := -1
	if s.settings.EditLimit >= 0 {
		limit = int(s.settings.EditLimit / time.Second)
	}
	answer(w, http.StatusOK, map[string]string{
		"Version":                s.settings.Version + ".0",
		"PostPriority":           fmt.Sprint(s.settings.Priority),
		"PostEditTimeLimit":      fmt.Sprint(limit),
		"EnableIncomingWebhooks": fmt.Sprint(!s.settings.HooksOff),
	})
}

func (s *Server) clientLicense(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{"IsLicensed": fmt.Sprint(s.settings.Licensed)})
}
