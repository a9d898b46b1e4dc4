package updatewatch

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/problem"
	"tocsin/internal/strict"
	"tocsin/updatewatch/forge"
)

func config(t *testing.T, text string) Config {
	t.Helper()
	var c Config
	if _, faults := strict.Decode([]byte(text), &c); len(faults) > 0 {
		t.Fatal(faults)
	}
	c.SetDefaults()
	return c
}

func problems(c Config) string {
	p := problem.New()
	c.Validate(p)
	var all []string
	for _, found := range p.All() {
		all = append(all, found.Path+": "+found.Text)
	}
	return strings.Join(all, "\n")
}

func TestConfig_badOnes(t *testing.T) {
	for text, want := range map[string]string{
		`channel: "#general"`:                                                       "channel: this is no channel; write team/channel, as technique/mises-a-jour",
		`interval: 10s`:                                                             "interval: 10s is not between 1m and 7d; usual is 1h",
		`remind: 5h`:                                                                "remind: 5h is less than a day: nobody would read it; write 7d",
		`forges: [{host: "https://github.com"}]`:                                    "forges[0].host: this is no host's name; write it as in the addresses, as github.com",
		`forges: [{host: a.example}, {host: a.example}]`:                            "forges[1].host: stands here twice; keep one of the two",
		`forges: [{host: a.example, token: x, token_file: y}]`:                      "forges[0].token_file: token is given too: keep one of the two",
		`forges: [{host: a.example, by: magic}]`:                                    "forges[0].by: must be feed or api",
		`projects: [{github: a/b}]`:                                                 "projects[0].name: is missing; write a short name, as etherpad",
		`projects: [{name: "A B", github: a/b}]`:                                    "projects[0].name: this is no name; use small letters, digits, - and _, at most 64, as etherpad",
		`projects: [{name: a}]`:                                                     "projects[0]: says nowhere to ask; write github, gitlab, gitea, feed or apt",
		`projects: [{name: a, github: a/b, feed: "https://x.example"}]`:             "projects[0]: has feed and github; keep one of them",
		`projects: [{name: a, github: etherpad}]`:                                   "projects[0].github: is no URL of a web page; write one as ether/etherpad-lite",
		`projects: [{name: a, gitea: "https://me:marker@x.example/a/b"}]`:           "projects[0].gitea: has a user or a password in it, and it stands on pages; write a token_file under forges",
		`projects: [{name: a, apt: "https://x.example/Packages.xz"}]`:               "projects[0].apt: is compressed by xz, which is not read; name Packages.gz or Packages beside it",
		`projects: [{name: a, github: a/b, package: c}]`:                            "projects[0].package: belongs to apt; for the version that runs here write deployed_from: package/NAME",
		`projects: [{name: a, feed: "https://x.example", tags: true}]`:              "projects[0].tags: is for repositories at forges; take it away",
		`projects: [{name: a, github: a/b, tag: "("}]`:                              "projects[0].tag: is no regular expression: pattern: error parsing regexp: missing closing ): `^(?:()$`",
		`projects: [{name: a, github: a/b, scheme: magic}]`:                         "projects[0].scheme: must be loose, or deb for versions of Debian's packages",
		`projects: [{name: a, github: a/b, line: 9}]`:                               "projects[0].line: 9 is not between 1 and 4; write how many leading numbers make a release line",
		`projects: [{name: a, github: a/b, ignore: [new]}]`:                         "projects[0].ignore[0]: this is no version; write it as 2.5.3",
		`projects: [{name: a, github: a/b, deployed: latest}]`:                      "projects[0].deployed: this is no version; write it as 2.5.3",
		`projects: [{name: a, github: a/b, deployed: 1.0, deployed_from: brick/x}]`: "projects[0].deployed: deployed_from is given too: keep one of the two",
		`projects: [{name: a, github: a/b, deployed_from: pad}]`:                    "projects[0].deployed_from: must be brick/NAME, postgres/NAME, rabbitmq/NAME or package/NAME",
		`projects: [{name: a, github: a/b, deployed_from: [brick/x, x]}]`:           "projects[0].deployed_from[1]: must be brick/NAME, postgres/NAME, rabbitmq/NAME or package/NAME",
		`projects: [{name: a, github: a/b, deployed_from: [brick/x, brick/x]}]`:     "projects[0].deployed_from[1]: stands here twice; keep one of the two",
		`projects: [{name: a, github: a/b}, {name: a, github: c/d}]`:                "projects[1].name: is taken by projects[0] already; choose another",
		`projects: [{name: a, github: a/b, interval: 30d}]`:                         "projects[0].interval: 30d is not between 1m and 7d; usual is 1h",
	} {
		if got := problems(config(t, text)); got != want {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestConfig_sourcesAndContacts(t *testing.T) {
	c := config(t, `
forges: [{host: github.com, token: marker-hunter2}, {host: git.ville.example, by: api, api: "https://git.ville.example/forge/api/v1/"}]
projects:
  - {name: etherpad, github: ether/etherpad-lite}
  - {name: peertube, github: Chocobozzz/PeerTube, tags: true}
  - {name: wcs, gitea: "https://git.ville.example/publik/wcs.git/"}
  - {name: glpi, gitlab: "https://gitlab.com/glpi/glpi", tags: true}
  - {name: own, github: "https://github.ville.example/a/b"}
  - {name: postfix, feed: "https://www.postfix.example/feed.xml"}
  - {name: combo, apt: "https://deb.ville.example/Packages.gz"}
`)
	if got := problems(c); got != "" {
		t.Fatal(got)
	}
	all, err := c.prepare()
	if err != nil {
		t.Fatal(err)
	}
	var addresses []string
	for _, w := range all {
		addresses = append(addresses, forge.Addresses(w.source)...)
	}
	want := []string{
		"https://api.github.com/repos/ether/etherpad-lite/releases?per_page=50",
		"https://api.github.com/repos/Chocobozzz/PeerTube/tags?per_page=100",
		"https://git.ville.example/forge/api/v1/repos/publik/wcs/releases?draft=false&limit=50",
		"https://gitlab.com/glpi/glpi/-/tags?format=atom",
		"https://github.ville.example/a/b/releases.atom",
		"https://www.postfix.example/feed.xml",
		"https://deb.ville.example/Packages.gz",
	}
	if diff := cmp.Diff(want, addresses); diff != "" {
		t.Errorf("- want, + got:\n%s", diff)
	}
	contacts := c.Contacts()
	if diff := cmp.Diff(Contact{Host: "api.github.com", Projects: []string{"etherpad", "peertube"}, Token: true}, contacts[0]); diff != "" || len(contacts) != 6 {
		t.Errorf("%+v %s", contacts, diff)
	}
	if text := fmt.Sprintf("%+v", c); strings.Contains(text, "marker") {
		t.Error("a token is printed")
	}
	if got := all[6].scheme(); got != "deb" {
		t.Errorf("scheme %s", got)
	}
	if got := all[0].every(); got != time.Hour {
		t.Errorf("interval %s", got)
	}
}

func TestTitlePattern(t *testing.T) {
	c := config(t, `projects: [{name: a, feed: "https://x.example"}]`)
	all, err := c.prepare()
	if err != nil {
		t.Fatal(err)
	}
	for title, want := range map[string]string{
		"Portail 2.5.3 is out": "2.5.3", "v2.5.3": "2.5.3", "Release 2.5.3.": "2.5.3", "Announcing Foo 3.0.0-rc.1!": "3.0.0-rc.1",
		"PostgreSQL 18.1": "18.1", "News of the week": "", "We are 10 years old": "",
	} {
		if got, _ := all[0].pattern.Extract(title); got != want {
			t.Errorf("%q: %q, want %q", title, got, want)
		}
	}
}

func TestGuess(t *testing.T) {
	for address, want := range map[string]Project{
		"https://github.com/ether/etherpad-lite/releases": {GitHub: "ether/etherpad-lite"},
		"https://gitlab.com/a/b/c/-/releases":             {GitLab: "https://gitlab.com/a/b/c"},
		"https://codeberg.org/forgejo/forgejo/releases":   {Gitea: "https://codeberg.org/forgejo/forgejo"},
		"https://x.example/news.rss":                      {Feed: "https://x.example/news.rss"},
		"https://x.example/":                              {Feed: "https://x.example/"},
		"https://x.example/dists/a/Packages.gz":           {Apt: "https://x.example/dists/a/Packages.gz"},
	} {
		want.Name = "check"
		if diff := cmp.Diff(want, Guess(address)); diff != "" {
			t.Errorf("%s: - want, + got:\n%s", address, diff)
		}
	}
}
