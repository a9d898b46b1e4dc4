package updatewatch

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"tocsin/updatewatch/forge"
)

// A Report is what one look at a project's source found, for people who set a
// project up.
type Report struct {
	Addresses []string // that were asked
	Took      time.Duration
	MovedTo   string
	Partial   bool // older releases were left out
	Tags      []TagReport
	Status    Status // as if this were all that is known
}

// A TagReport is what is made of one tag.
type TagReport struct {
	Tag, Version, Line string
	Published          time.Time
	Prerelease         bool
	Security           bool
	Advisories         []string
	Rejected           string // why it is no release of the project; empty: it is one
}

// Check looks once at the first project of a valid configuration, by its own
// client, and keeps nothing. Its error is an *forge.Error.
func Check(ctx context.Context, cfg Config, transport http.RoundTripper) (Report, error) {
	all, err := cfg.prepare()
	if err != nil {
		return Report{}, err
	}
	if len(all) == 0 {
		return Report{}, forge.Fail(forge.Unreadable, "no project to look at")
	}
	p, now := all[0], time.Now()
	r := Report{Addresses: forge.Addresses(p.source)}
	a, err := forge.New(forge.Options{Transport: transport}).Ask(ctx, forge.Question{Source: p.source, Pages: 1})
	r.Took = time.Since(now)
	if err != nil {
		return r, err
	}
	r.MovedTo, r.Partial = a.MovedTo, a.Partial
	for _, from := range a.Releases {
		r.Tags = append(r.Tags, p.report(from))
	}
	k := &known{}
	p.learn(k, a, now)
	r.Status = p.judge(k)
	return r, nil
}

func (w *watched) report(from forge.Release) TagReport {
	t := TagReport{Tag: from.Tag, Published: from.Published, Prerelease: from.Prerelease, Security: from.Security, Advisories: from.Advisories}
	text, ok := w.pattern.Extract(from.Tag)
	if !ok {
		t.Rejected = "the pattern does not fit the whole tag"
		return t
	}
	v, err := w.scheme().Parse(text)
	switch {
	case err != nil:
		t.Rejected = fmt.Sprintf("%.60q is no version", text)
	case w.ignored[v.String()]:
		t.Rejected = "ignored"
	}
	t.Version, t.Line = v.String(), v.Line(w.Line)
	t.Prerelease = t.Prerelease || v.Prerelease()
	return t
}

// Guess makes a project of an address that people have in their browser: a
// repository's page, a feed, or a Packages index.
func Guess(address string) Project {
	p := Project{Name: "check"}
	u, err := url.Parse(address)
	if err != nil {
		p.Feed = address
		return p
	}
	segments := strings.FieldsFunc(u.Path, func(r rune) bool { return r == '/' })
	base := ""
	if len(segments) > 0 {
		base = segments[len(segments)-1]
	}
	repo := ""
	if len(segments) >= 2 {
		repo = segments[0] + "/" + strings.TrimSuffix(segments[1], ".git")
	}
	switch host := u.Hostname(); {
	case strings.HasPrefix(base, "Packages"):
		p.Apt = address
	case strings.HasSuffix(base, ".atom"), strings.HasSuffix(base, ".rss"), strings.HasSuffix(base, ".xml"), strings.HasSuffix(base, ".json"), repo == "":
		p.Feed = address
	case host == "github.com":
		p.GitHub = repo
	case strings.HasPrefix(host, "gitlab"):
		before, _, _ := strings.Cut(address, "/-/")
		p.GitLab = before
	default:
		p.Gitea = u.Scheme + "://" + u.Host + "/" + repo
	}
	return p
}
