package mattermost

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"

	"tocsin/alerts"
	"tocsin/alerts/mattermost/mattermosttest"
	"tocsin/internal/secret"
)

// TestLeak plays all that can go wrong before a server that repeats the
// credentials wherever it can, and looks for them in all that leaves the
// package.
func TestLeak(t *testing.T) {
	const marker = "m4rker53cret"
	for _, mode := range []string{"bot", "wrong token", "hook", "wrong hook", "nobody listens"} {
		t.Run(mode, func(t *testing.T) {
			l := newLab(t)
			l.server.Configure(func(s *mattermosttest.Settings) { s.Spiteful = true })
			secrets := []string{marker, l.server.Token, strings.TrimPrefix(l.server.HookURL, l.server.URL)}
			switch mode {
			case "wrong token":
				l.config.Token = secret.New(marker)
			case "hook":
				l.hook()
			case "wrong hook":
				l.hook()
				l.config.WebhookURL = secret.New(l.server.URL + "/hooks/" + marker)
			case "nobody listens":
				l.hook()
				l.config.WebhookURL = secret.New("http://127.0.0.1:1/hooks/" + marker)
			}
			l.config.Timeout = model.Duration(1e9)
			l.restart()
			var out strings.Builder
			reg := prometheus.NewPedanticRegistry()
			said := alerts.Measure(l.voice, reg)
			for _, f := range append(answers(), answer{fault: mattermosttest.Fault{Kind: mattermosttest.Status, Status: 403}}) {
				if f.fault.Kind == mattermosttest.Hang {
					continue
				}
				l.server.Fail(f.fault)
				for _, n := range []alerts.Notification{fire(), grow(), settle()} {
					retry, err := said.Say(t.Context(), n)
					fmt.Fprintf(&out, "%t %v %+v %#v\n", retry, err, err, err)
				}
				l.server.Heal()
			}
			state, err := os.ReadFile(l.state)
			if err != nil && (mode == "bot" || mode == "hook") {
				t.Fatal(err)
			}
			families, err := reg.Gather()
			if err != nil {
				t.Fatal(err)
			}
			posts, err := json.Marshal(l.server.Posts())
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&out, "%s\n%s\n%v\n%s\n%+v %#v", l.log, state, families, posts, l.voice.cfg, l.config)
			for _, s := range secrets {
				if i := strings.Index(out.String(), s); i >= 0 {
					t.Errorf("%q is told: …%s…", s, out.String()[max(0, i-200):i+len(s)])
				}
			}
		})
	}
}
