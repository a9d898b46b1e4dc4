package gradecheck

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"tocsin/internal/frame"
	"tocsin/probes/grade"
	"tocsin/probes/probe"
	"tocsin/probes/visit"
)

const (
	// origin is who the answer to OPTIONS is for, as the Observatory asks.
	origin = "https://http-observatory.security.mozilla.org"
	// maxBody is how much of a page is read for scripts and policies.
	maxBody = 4 << 20
	// httpShare of the time that is left is for the way from http:// at most:
	// a port that lets everything vanish must not cost the grade.
	httpShare = 0.4
	// httpPatience bounds it. The Observatory gives each request 9 s.
	httpPatience = 5 * time.Second
)

// A Check grades one site. It implements visit.Check.
type Check struct {
	config Config
	target *url.URL
}

// New returns the check of a site by its https URL. The configuration has been
// validated.
func New(c *Config, target *url.URL) *Check { return &Check{config: *c, target: target} }

// Families implements visit.Check.
func (*Check) Families() []*frame.Family { return Families() }

// Look implements visit.Check. A grade under the promise is an error that
// names the tests which cost points; so is an answer that has no grade.
func (c *Check) Look(ctx context.Context, v visit.Visitor, _ *visit.Answer, r *probe.Result) error {
	page, err := v.Visit(ctx, visit.Request{URL: c.target, MaxBody: maxBody, Cut: true})
	if err != nil {
		return err
	}
	site := &grade.Site{
		Host: c.target.Hostname(), Status: page.Status, Header: page.Header, Body: page.Body, Cookies: page.Cookies,
		HTTPS: true, Verified: page.Verified, Origin: origin, Preloaded: c.preloaded,
	}
	way, err := c.fromHTTP(ctx, v)
	if err != nil {
		return err
	}
	if way != nil {
		site.Verified = site.Verified && way.Verified
		for _, h := range way.Way {
			site.Route = append(site.Route, grade.Hop{URL: h.URL.String(), Status: h.Status})
		}
	}
	shared, err := v.Visit(ctx, visit.Request{
		Method: http.MethodOptions, URL: page.URL, Stay: true, MaxBody: maxBody, Cut: true,
		Header: http.Header{"Origin": {origin}, "Access-Control-Request-Method": {http.MethodGet}},
	})
	switch {
	case err == nil:
		site.CORS = shared.Header
	case ended(ctx, err):
		return err
	}
	report, err := grade.Of(site, c.config.Algorithm)
	if err != nil {
		return probe.Fail(probe.Status, probe.PhaseProcessing, fmt.Errorf("no grade: %w: %d", err, page.Status))
	}
	sample(r, c.config.Promised, &report)
	return c.tell(v, &report)
}

// fromHTTP goes the way from http://; nil where nothing answers there.
func (c *Check) fromHTTP(ctx context.Context, v visit.Visitor) (*visit.Answer, error) {
	from := &url.URL{Scheme: "http", Host: bracketed(c.target.Hostname()), Path: c.target.Path, RawPath: c.target.RawPath, RawQuery: c.target.RawQuery}
	if c.config.HTTPURL != "" {
		u, err := url.Parse(c.config.HTTPURL)
		if err != nil {
			return nil, err // it was validated
		}
		from = u
	}
	patience := httpPatience
	if deadline, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Duration(float64(time.Until(deadline))*httpShare))
	}
	short, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	way, err := v.Visit(short, visit.Request{URL: from, MaxBody: maxBody, Cut: true})
	switch {
	case err == nil:
		return way, nil
	case ended(ctx, err):
		return nil, err
	}
	v.Note(false, "nothing to grade at http://: "+err.Error())
	return nil, nil //nolint:nilnil // no answer there is no fault
}

// ended tells an error that ends the look from one that is the answer.
func ended(ctx context.Context, err error) bool {
	_, ours := errors.AsType[*probe.Unmeasured](err)
	return ours || ctx.Err() != nil
}

// preloaded takes the site's word: for its host and what is below it.
func (c *Check) preloaded(host string) bool {
	own := strings.ToLower(c.target.Hostname())
	host = strings.ToLower(host)
	return c.config.Preloaded && (host == own || strings.HasSuffix(host, "."+own))
}

// tell writes the account, and the error of a promise that is not kept.
func (c *Check) tell(v visit.Visitor, report *grade.Report) error {
	v.Note(false, fmt.Sprintf("the headers have grade %s, score %d (Observatory, version %d)", report.Grade, report.Score, report.Version))
	costly := slices.DeleteFunc(slices.Clone(report.Tests), func(t grade.Test) bool { return t.Modifier >= 0 })
	slices.SortStableFunc(costly, func(a, b grade.Test) int { return cmp.Compare(a.Modifier, b.Modifier) })
	var words []string
	for _, t := range costly {
		v.Note(true, fmt.Sprintf("%s costs %d points (%s): %s", t.Name, -t.Modifier, t.Result, grade.Advice(t.Result)))
		words = append(words, fmt.Sprintf("%s %d", t.Name, t.Modifier))
	}
	if c.config.Promised == "" || grade.Rank(report.Grade) >= grade.Rank(c.config.Promised) {
		return nil
	}
	return probe.Fail(probe.Header, probe.PhaseProcessing,
		fmt.Errorf("the headers have grade %s, and %s is promised: %s; first %s",
			report.Grade, c.config.Promised, strings.Join(words, ", "), grade.Advice(costly[0].Result)))
}

func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}
