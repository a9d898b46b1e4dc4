package mattermosttest

import (
	"io"
	"net/http"
	"strings"

	"github.com/mattermost/mattermost/server/public/model"
)

// hook takes a message for the channel of the webhook. It answers no id.
func (s *Server) hook(w http.ResponseWriter, r *http.Request) {
	switch {
	case s.settings.HooksOff:
		s.refuse(w, r, http.StatusNotImplemented, "web.incoming_webhook.disabled.app_error")
		return
	case !strings.HasSuffix(s.HookURL, r.URL.Path):
		s.refuse(w, r, http.StatusBadRequest, "web.incoming_webhook.invalid.app_error")
		return
	}
	var in model.IncomingWebhookRequest
	if !s.body(w, r, &in) {
		return
	}
	if in.Text == "" && len(in.Attachments) == 0 {
		s.refuse(w, r, http.StatusBadRequest, "web.incoming_webhook.text.app_error")
		return
	}
	root := ""
	if s.settings.RootIDsInHooks {
		root = in.RootId
	}
	text := []rune(slackText(in.Text))
	for first := true; first || len(text) > 0; first = false {
		n := min(len(text), s.settings.MaxMessage)
		p := &model.Post{UserId: hookID, ChannelId: s.channels[s.Channel], RootId: root, Message: string(text[:n])}
		text = text[n:]
		for k, v := range in.Props {
			p.AddProp(k, v)
		}
		p.AddProp("from_webhook", "true")
		if in.Username != "" {
			p.AddProp("override_username", in.Username)
		}
		if in.Priority != nil {
			p.Metadata = &model.PostMetadata{Priority: in.Priority}
		}
		if len(text) == 0 && len(in.Attachments) > 0 {
			for _, a := range in.Attachments {
				a.Text, a.Pretext = slackText(a.Text), slackText(a.Pretext)
			}
			p.AddProp("attachments", in.Attachments)
		}
		s.store(p)
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, "ok")
}

// slackText reads Slack's way of calling everybody.
func slackText(s string) string {
	return strings.NewReplacer("<!channel>", "@channel", "<!here>", "@here", "<!everyone>", "@all").Replace(s)
}
