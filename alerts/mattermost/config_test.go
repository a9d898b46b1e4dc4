package mattermost

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"tocsin/internal/problem"
)

// problems decodes a section and returns what is wrong with it.
func problems(t *testing.T, text string) []string {
	t.Helper()
	var c Config
	if err := yaml.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	c.SetDefaults()
	p := problem.New().At("alerts").At("mattermost")
	c.Validate(p)
	found := []string{}
	for _, x := range p.All() {
		found = append(found, x.Path+": "+x.Text)
	}
	return found
}

func TestConfig_good(t *testing.T) {
	for _, text := range []string{
		"{}",
		"{timeout: 5s}",
		"{webhook_url: 'https://chat.example.org/hooks/abc'}",
		"{webhook_url: 'http://127.0.0.1:8065/hooks/abc', username: tocsin, icon_url: 'https://x.example/i.png'}",
		"{webhook_url_file: /etc/tocsin/hook}",
		"{url: 'https://chat.example.org', token_file: /etc/tocsin/mattermost, channel: technique/alertes}",
		"{url: 'http://mattermost:8065/', token: abc, channel: technique/mises-a-jour, mentions: {critical: '@channel', warning: '@anne @bob'}, reopen_within: 1h}",
	} {
		if p := problems(t, text); len(p) > 0 {
			t.Errorf("%s: %q", text, p)
		}
	}
}

func TestConfig_bad(t *testing.T) {
	const at = "alerts.mattermost"
	for text, want := range map[string][]string{
		"{username: tocsin}": {
			at + ": where to post is missing: write webhook_url_file, or url with token_file and channel",
		},
		"{webhook_url: 'https://chat.example.org/hooks/abc', channel: a/b}": {
			at + ": a webhook and a bot are both given: keep webhook_url, or url with token_file and channel " +
				"(the bot can edit its posts, the webhook can't)",
		},
		"{webhook_url: 'https://chat.example.org/hooks/abc', webhook_url_file: /x}": {
			at + ".webhook_url_file: webhook_url is given too: keep one of the two",
		},
		"{webhook_url: 'https://chat.example.org/s3cret'}": {
			at + ".webhook_url: this is not the address of an incoming webhook: write it as Mattermost shows it, " +
				"https://chat.example.org/hooks/…",
		},
		"{url: 'https://chat.example.org', channel: a/b}": {
			at + ".token_file: the bot's token is missing: write it to a file, and the file's path here",
		},
		"{url: 'https://chat.example.org', token: x, token_file: /x, channel: a/b}": {
			at + ".token_file: token is given too: keep one of the two",
		},
		"{token: x, channel: a/b}": {
			at + ".url: the server's address is missing: write https://chat.example.org",
		},
		"{url: chat.example.org, token: x, channel: a/b}": {
			at + ".url: this is not the address of a server: write https://chat.example.org",
		},
		"{url: 'https://bot:s3cret@chat.example.org', token: x, channel: a/b}": {
			at + ".url: an address must not hold a user or a password: write https://chat.example.org, " +
				"and the bot's token in a file named by token_file",
		},
		"{url: 'https://chat.example.org/technique/channels/s3cret', token: x, channel: a/b}": {
			at + ".url: only the server's address belongs here, without a path: write https://chat.example.org, " +
				"and team/channel as channel",
		},
		"{url: 'https://chat.example.org/hooks/s3cret', token: x, channel: a/b}": {
			at + ".url: this is the address of a webhook: write it as webhook_url, or in a file named by webhook_url_file",
		},
		"{url: 'https://chat.example.org', token: x}": {
			at + ".channel: the channel is missing: write team/channel, as in the channel's address " +
				"(https://…/team/channels/channel)",
		},
		"{url: 'https://chat.example.org', token: x, channel: alertes}": {
			at + `.channel: "alertes" has no team: write team/alertes, with the team's name from the channel's address`,
		},
		"{url: 'https://chat.example.org', token: x, channel: L'équipe/Alertes}": {
			at + `.channel: "L'équipe/Alertes" is not team/channel as they stand in the channel's address: ` +
				"small letters, digits, - and _ (not the names that the screen shows)",
		},
		"{url: 'https://chat.example.org', token: x, channel: a/b, username: x, icon_url: 'https://x'}": {
			at + ".username: a bot posts under its own name: leave username out, it belongs to webhook_url",
			at + ".icon_url: a bot has its own picture: leave icon_url out, it belongs to webhook_url",
		},
		"{webhook_url_file: /x, mentions: {fatal: '@channel'}}": {
			at + `.mentions.fatal: "fatal" is no severity: write critical, warning or info`,
		},
		"{webhook_url_file: /x, mentions: {critical: channel}}": {
			at + `.mentions.critical: "channel" calls nobody: write @channel, @here or @name, several with a space between`,
		},
		"{webhook_url_file: /x, icon_url: 'javascript:alert(1)'}": {
			at + ".icon_url: this is not the address of a picture: write https://…",
		},
		"{webhook_url_file: /x, timeout: 1h, reopen_within: 2d}": {
			at + ".timeout: 1h is out of range: write 1s to 1m",
			at + ".reopen_within: 2d is out of range: write up to 24h",
		},
	} {
		got := problems(t, text)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
		if strings.Contains(fmt.Sprint(got), "s3cret") {
			t.Errorf("%s: the secret is repeated: %q", text, got)
		}
	}
}

func TestConfig_printsNoSecret(t *testing.T) {
	var c Config
	if err := yaml.Unmarshal([]byte("{webhook_url: 'https://x/hooks/s3cret', token: s3cret}"), &c); err != nil {
		t.Fatal(err)
	}
	out, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprintf("%v %+v %#v %s", c, c, c, out); strings.Contains(s, "s3cret") {
		t.Error(s)
	}
}

func TestNew_warnsOfATokenInClear(t *testing.T) {
	for address, want := range map[string]bool{
		"http://mattermost:8065": true, "http://10.0.0.1": true, "https://chat.example.org": false,
		"http://localhost:8065": false, "http://127.0.0.1:8065": false, "http://[::1]": false,
	} {
		if got := travelsInClear(address); got != want {
			t.Errorf("%s: %t", address, got)
		}
	}
}

func TestNew_refusesWhatCannotWork(t *testing.T) {
	if _, err := New(Config{}, Options{}); err == nil {
		t.Error("a voice with nowhere to speak")
	}
	_, err := New(Config{URL: "https://x", CAFile: "/does/not/exist"}, Options{})
	if err == nil || !strings.Contains(err.Error(), "/does/not/exist") {
		t.Errorf("got %v", err)
	}
}

func TestRetryAfter(t *testing.T) {
	now := noon
	for in, want := range map[string]time.Duration{
		"": time.Second, "3": 3 * time.Second, "0": 100 * time.Millisecond, "-1": time.Second, "soon": time.Second,
		"999999": 5 * time.Minute, "0.5": 500 * time.Millisecond,
		now.Add(8 * time.Second).Format("Mon, 02 Jan 2006 15:04:05 GMT"): 8 * time.Second,
	} {
		if got := retryAfter(map[string][]string{"Retry-After": {in}}, now); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
	if got := retryAfter(map[string][]string{"X-Ratelimit-Reset": {"4"}}, now); got != 4*time.Second {
		t.Errorf("X-Ratelimit-Reset: %s", got)
	}
}
