package forge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"tocsin/internal/lazy"
	"tocsin/updatewatch/feed"
)

const (
	maxPage     = 16 << 20 // bytes of one page
	maxReleases = 1000     // of one answer
)

// listed is one release or tag as any of the three forges writes it.
type listed struct {
	TagName     string    `json:"tag_name"`
	Name        string    `json:"name"`
	Body        string    `json:"body"`
	Description string    `json:"description"` // GitLab's body
	HTMLURL     string    `json:"html_url"`
	Draft       bool      `json:"draft"`
	Prerelease  bool      `json:"prerelease"`
	Upcoming    bool      `json:"upcoming_release"` // GitLab
	PublishedAt time.Time `json:"published_at"`
	ReleasedAt  time.Time `json:"released_at"` // GitLab
	Message     string    `json:"message"`     // of a tag
	Commit      struct {
		Created   time.Time `json:"created"`    // Gitea
		CreatedAt time.Time `json:"created_at"` // GitLab
	} `json:"commit"`
	Links struct {
		Self string `json:"self"`
	} `json:"_links"`
}

// apiAddress is the first page.
func apiAddress(s Source) string {
	repo := ""
	if u, err := url.Parse(s.URL); err == nil {
		repo = strings.Trim(strings.TrimSuffix(u.Path, ".git"), "/")
	}
	what := "releases"
	switch s.Kind {
	case GitLab:
		if s.Tags {
			what = "repository/tags"
		}
		return s.APIBase + "/projects/" + url.PathEscape(repo) + "/" + what + "?per_page=50"
	case Gitea:
		if s.Tags {
			return s.APIBase + "/repos/" + repo + "/tags?limit=50"
		}
		return s.APIBase + "/repos/" + repo + "/releases?draft=false&limit=50"
	}
	if s.Tags {
		return s.APIBase + "/repos/" + repo + "/tags?per_page=100"
	}
	return s.APIBase + "/repos/" + repo + "/releases?per_page=50"
}

func (c *Client) askAPI(ctx context.Context, q Question) (Answer, error) {
	header := http.Header{"Accept": {"application/json"}}
	if err := authorize(header, q.Source); err != nil {
		return Answer{}, err
	}
	var all Answer
	address := apiAddress(q.Source)
	for page := 0; address != ""; page++ {
		if page >= max(q.Pages, 1) || len(all.Releases) >= maxReleases {
			all.Partial = true
			break
		}
		var releases []Release
		next := ""
		a, err := c.visit(ctx, q, address, header.Clone(), func(resp *http.Response) (err error) {
			next = nextPage(resp)
			releases, err = decode(resp.Body, q.Tags)
			return err
		})
		if err != nil || a.NotModified {
			return a, err
		}
		if page == 0 {
			all.Validators, all.MovedTo = a.Validators, a.MovedTo
			q.Validators = Validators{} // they are the first page's
		}
		all.Releases = append(all.Releases, releases...)
		address = next
	}
	return all, nil
}

// authorize puts the token where the forge expects it.
func authorize(header http.Header, s Source) error {
	if s.Token.IsZero() {
		return nil
	}
	token, err := s.Token.Read()
	if err != nil {
		return &Error{Reason: TokenMissing, Err: err}
	}
	switch s.Kind {
	case GitLab:
		header.Set("Private-Token", token.Reveal())
	case Gitea:
		header.Set("Authorization", "token "+token.Reveal())
	default:
		header.Set("Authorization", "Bearer "+token.Reveal())
	}
	return nil
}

var relNext = lazy.Regexp(`<([^<>]+)>\s*;[^,<]*\brel="?next"?`)

// nextPage reads the Link header. A next page on another host is none.
func nextPage(resp *http.Response) string {
	m := relNext().FindStringSubmatch(resp.Header.Get("Link"))
	if m == nil {
		return ""
	}
	next, err := resp.Request.URL.Parse(m[1])
	if err != nil || next.Host != resp.Request.URL.Host || next.Scheme != resp.Request.URL.Scheme {
		return ""
	}
	return next.String()
}

// decode reads a page, one release at a time.
func decode(body io.Reader, tags bool) ([]Release, error) {
	limited := &io.LimitedReader{R: body, N: maxPage + 1}
	d := json.NewDecoder(limited)
	broken := func(err error) error {
		if limited.N <= 0 {
			return fmt.Errorf("%w: more than %d bytes", feed.ErrTooLarge, maxPage)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errors.New("the answer breaks off")
		}
		var network interface{ Timeout() bool }
		if errors.As(err, &network) {
			return err
		}
		return errors.New("the answer is no list of releases")
	}
	if token, err := d.Token(); err != nil || token != json.Delim('[') {
		return nil, broken(err)
	}
	var all []Release
	for d.More() {
		var l listed
		if err := d.Decode(&l); err != nil {
			return nil, broken(err)
		}
		if r, ok := l.release(tags); ok && len(all) < maxReleases {
			all = append(all, r)
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, broken(err)
	}
	return all, nil
}

func (l *listed) release(tag bool) (Release, bool) {
	r := Release{Tag: l.TagName, Title: l.Name, URL: l.HTMLURL, Prerelease: l.Prerelease}
	if tag {
		r.Tag = l.Name
	}
	if r.URL == "" {
		r.URL = l.Links.Self
	}
	for _, at := range []time.Time{l.PublishedAt, l.ReleasedAt, l.Commit.Created, l.Commit.CreatedAt} {
		if r.Published.IsZero() {
			r.Published = at
		}
	}
	r.Security, r.Advisories = security(l.Name + "\n" + l.Body + "\n" + l.Description + "\n" + l.Message)
	return r, r.Tag != "" && !l.Draft && !l.Upcoming
}
