package forge

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"tocsin/internal/lazy"
	"tocsin/updatewatch/feed"
)

// Ask visits a source. Its error is always an *Error.
func (c *Client) Ask(ctx context.Context, q Question) (Answer, error) {
	switch {
	case q.Kind == Apt:
		return c.askIndex(ctx, q)
	case q.Kind != Feed && q.API:
		return c.askAPI(ctx, q)
	default:
		return c.askFeed(ctx, q)
	}
}

// Addresses returns where a source is asked: what a site's administrator may
// want to know, or to try.
func Addresses(s Source) []string {
	switch {
	case s.Kind == Apt:
		return []string{s.URL}
	case s.Kind != Feed && s.API:
		return []string{apiAddress(s)}
	}
	return []string{feedAddress(s)}
}

func feedAddress(s Source) string {
	repo := strings.TrimSuffix(s.URL, "/")
	switch {
	case s.Kind == GitHub && s.Tags:
		return repo + "/tags.atom"
	case s.Kind == GitHub:
		return repo + "/releases.atom"
	case s.Kind == GitLab && s.Tags:
		return repo + "/-/tags?format=atom"
	case s.Kind == GitLab:
		return repo + "/-/releases.atom"
	case s.Kind == Gitea && s.Tags:
		return repo + "/tags.atom"
	case s.Kind == Gitea:
		return repo + "/releases.atom"
	}
	return s.URL
}

func (c *Client) askFeed(ctx context.Context, q Question) (Answer, error) {
	var entries []feed.Entry
	header := http.Header{"Accept": {"application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"}}
	a, err := c.visit(ctx, q, feedAddress(q.Source), header, func(resp *http.Response) error {
		var err error
		entries, err = feed.Parse(ctx, resp.Body, feed.DefaultLimits())
		return err
	})
	if err != nil || a.NotModified {
		return a, err
	}
	for _, e := range entries {
		r := Release{Tag: tagOf(q.Kind, e), Title: e.Title, URL: e.Link, Published: e.Published}
		r.Security, r.Advisories = security(e.Title + "\n" + e.Text)
		a.Releases = append(a.Releases, r)
	}
	a.Partial = true // a feed is a window
	return a, nil
}

// tagPaths are what stands before the tag in the links of the forges.
var tagPaths = lazy.Regexp(`/(?:releases/tag|-/releases|-/tags|src/tag|tree)/([^?#]+)$`)

// tagOf finds a release's tag: in its link, else in its identifier. A title is
// what its author likes; a plain feed has nothing better.
func tagOf(kind Kind, e feed.Entry) string {
	if m := tagPaths().FindStringSubmatch(e.Link); m != nil {
		if tag, err := url.PathUnescape(m[1]); err == nil {
			return tag
		}
	}
	if kind != Feed {
		if i := strings.LastIndexByte(e.ID, '/'); i >= 0 && i+1 < len(e.ID) {
			return e.ID[i+1:]
		}
	}
	return strings.TrimSpace(e.Title)
}

var (
	advisory  = lazy.Regexp(`\b(?:CVE-[0-9]{4}-[0-9]{4,7}|GHSA(?:-[23456789cfghjmpqrvwx]{4}){3})\b`)
	ofConcern = lazy.Regexp(`(?i)\bsecurity\b|\bvulnerabilit|\bsécurité\b|\bvulnérabilité`)
)

// maxAdvisories are named at most.
const maxAdvisories = 10

// security looks for advisories in a release's text.
func security(text string) (bool, []string) {
	var found []string
	for _, id := range advisory().FindAllString(text, 200) {
		if len(found) < maxAdvisories && !slices.Contains(found, id) {
			found = append(found, id)
		}
	}
	return len(found) > 0 || ofConcern().MatchString(text), found
}
