package updatewatch

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/updatewatch/forge"
)

var day = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// follow makes a project that has seen what was released on single days: the
// first is the baseline.
func follow(t *testing.T, p Project, days ...[]forge.Release) (*watched, *known) {
	t.Helper()
	p.Name, p.Gitea = "pad", forgeURL+"/ville/pad"
	cfg := Config{Projects: []Project{p}}
	cfg.SetDefaults()
	all, err := cfg.prepare()
	if err != nil {
		t.Fatal(err)
	}
	k := &known{}
	for i, releases := range days {
		all[0].learn(k, forge.Answer{Releases: releases}, day.AddDate(0, 0, i))
	}
	return all[0], k
}

func tags(tags ...string) []forge.Release {
	var all []forge.Release
	for _, tag := range tags {
		all = append(all, forge.Release{Tag: tag})
	}
	return all
}

func TestJudge(t *testing.T) {
	secure := func(tag, advisory string) []forge.Release {
		return []forge.Release{{Tag: tag, Security: true, Advisories: []string{advisory}}}
	}
	for name, c := range map[string]struct {
		project Project
		days    [][]forge.Release
		want    Deployment
		news    string
	}{
		"up to date": {
			Project{Deployed: "2.5.3"},
			[][]forge.Release{tags("v2.5.3", "v2.5.2")},
			Deployment{Version: "2.5.3", Line: "2", NewestInLine: "2.5.3", Current: true},
			"",
		},
		"newer than all that is known": {
			Project{Deployed: "2.5.4"},
			[][]forge.Release{tags("v2.5.3")},
			Deployment{Version: "2.5.4", Line: "2", NewestInLine: "2.5.3", Current: true},
			"",
		},
		"since when, and since when for security": {
			Project{Deployed: "2.5.0"},
			[][]forge.Release{tags("2.5.0"), tags("2.5.1"), secure("2.5.2", "CVE-2026-0002"), secure("2.5.3", "CVE-2026-0001"), tags("2.5.4")},
			Deployment{
				Version: "2.5.0", Line: "2", NewestInLine: "2.5.4", Behind: 4, BehindSince: day.AddDate(0, 0, 1),
				SecuritySince: day.AddDate(0, 0, 2), Advisories: []string{"CVE-2026-0001", "CVE-2026-0002"},
			},
			"2.5.4",
		},
		"security of another line is none of ours": {
			Project{Deployed: "2.5.0"},
			[][]forge.Release{tags("2.5.0", "3.0.0"), secure("3.0.1", "CVE-2026-0001")},
			Deployment{Version: "2.5.0", Line: "2", NewestInLine: "2.5.0", Current: true, NewerLine: true},
			"",
		},
		"what does not tell its patch level": {
			Project{Deployed: "8.7", Line: 2},
			[][]forge.Release{tags("8.7.1", "8.7.0")},
			Deployment{Version: "8.7", Line: "8.7", NewestInLine: "8.7.1", Current: true},
			"",
		},
		"a release that is written so": {
			Project{Deployed: "8.7", Line: 2},
			[][]forge.Release{tags("8.7.1", "8.7")},
			Deployment{Version: "8.7", Line: "8.7", NewestInLine: "8.7.1", Behind: 1, BehindSince: day},
			"",
		},
		"the first of a line above all": {
			Project{Deployed: "2.0"},
			[][]forge.Release{tags("2.0", "3.0"), tags("4.0"), tags("4.1")},
			Deployment{Version: "2.0", Line: "2", NewestInLine: "2.0", Current: true, NewerLine: true},
			"4.0",
		},
		"the first of a line below another": {
			Project{Deployed: "2.0"},
			[][]forge.Release{tags("2.0", "4.0"), tags("3.0")},
			Deployment{Version: "2.0", Line: "2", NewestInLine: "2.0", Current: true, NewerLine: true},
			"",
		},
		"a pre-release is none": {
			Project{Deployed: "2.0"},
			[][]forge.Release{tags("2.0"), {{Tag: "2.1", Prerelease: true}, {Tag: "2.2-rc1"}}},
			Deployment{Version: "2.0", Line: "2", NewestInLine: "2.0", Current: true},
			"",
		},
		"unless it is wanted": {
			Project{Deployed: "2.0", Prereleases: true},
			[][]forge.Release{tags("2.0"), {{Tag: "2.2-rc1"}}},
			Deployment{Version: "2.0", Line: "2", NewestInLine: "2.2-rc1", Behind: 1, BehindSince: day.AddDate(0, 0, 1)},
			"2.2-rc1",
		},
		"nobody tells what runs": {
			Project{},
			[][]forge.Release{tags("2.0"), tags("2.1")},
			Deployment{NewestInLine: "2.1"},
			"2.1",
		},
		"nothing is released": {
			Project{Deployed: "2.0"}, nil, Deployment{Version: "2.0", Line: "2"}, "",
		},
		"what runs is no version": {
			Project{Deployed: "x2"},
			[][]forge.Release{tags("2.0")},
			Deployment{Unknown: "what it says of itself is no version", NewestInLine: "2.0"},
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, k := follow(t, c.project, c.days...)
			s := w.judge(k)
			if diff := cmp.Diff([]Deployment{c.want}, s.Deployments, cmpopts.IgnoreUnexported(Deployment{})); diff != "" {
				t.Errorf("- want, + got:\n%s", diff)
			}
			news := ""
			if r := s.Deployments[0].news; r != nil {
				news = r.Version
			}
			if news != c.news {
				t.Errorf("news %q, want %q", news, c.news)
			}
		})
	}
}

// People follow the links of a post: they lead to the host that was asked.
func TestLearn_links(t *testing.T) {
	for url, keep := range map[string]bool{
		forgeURL + "/ville/pad/releases/tag/v1":             true,
		"https://evil.example/ville/pad/releases/v1":        false,
		"https://git.ville.example@evil.example/v1":         false,
		"https://me@git.ville.example/v1":                   false,
		"javascript:alert(1)":                               false,
		"//evil.example/v1":                                 false,
		"https://git.ville.example.evil.example/releases/1": false,
	} {
		_, k := follow(t, Project{}, []forge.Release{{Tag: "v1", URL: url}})
		if got := k.Versions[0].URL; (got == url) != keep || !keep && got != "" {
			t.Errorf("%s: kept %q", url, got)
		}
	}
}
