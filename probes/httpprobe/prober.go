package httpprobe

import (
	"context"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/url"

	"tocsin/internal/frame"
	"tocsin/probes/probe"
	"tocsin/probes/visit"
)

// A Prober looks at one URL. It implements probe.Prober.
type Prober struct {
	options Options
	target  string // as shown
	hosts   *hostNames
}

// New returns a prober. Options are not to be changed afterwards.
func New(o Options) (*Prober, error) {
	if o.URL == nil || o.URL.Host == "" || (o.URL.Scheme != "https" && o.URL.Scheme != "http") {
		return nil, errors.New("the target is not an http:// or https:// URL")
	}
	if o.Method == "" {
		o.Method = http.MethodGet
	}
	if o.MaxBody == 0 {
		o.MaxBody = DefaultMaxBody
	}
	u := *o.URL
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	if u.Path == "" {
		u.Path = "/"
	}
	o.URL = &u
	o.TLS.ALPN = []string{"h2", "http/1.1"}
	if o.DisableHTTP2 {
		o.TLS.ALPN = []string{"http/1.1"}
	}
	if o.TLS.Now == nil {
		o.TLS.Now = o.Now
	}
	return &Prober{options: o, target: probe.DisplayURL(&u), hosts: newHostNames(u.Hostname())}, nil
}

// Families implements probe.Prober.
func (p *Prober) Families() []*frame.Family {
	sends := families()
	for _, c := range []visit.Check{p.options.Check, p.options.Instead} {
		if c != nil {
			sends = append(sends, c.Families()...)
		}
	}
	return sends
}

// Probe implements probe.Prober.
func (p *Prober) Probe(ctx context.Context) probe.Result {
	look := &look{options: &p.options, hosts: p.hosts}
	r := &look.result
	*r = probe.Begin(ctx, p.target)
	err := look.run(ctx)

	var failure *probe.Failure
	if err != nil {
		failure = probe.FailureOf(err)
	}
	look.sample(failure)
	r.End(err, look.clean)
	return *r
}

// look is one run of a prober.
type look struct {
	options *Options
	hosts   *hostNames
	result  probe.Result
	clean   *probe.Redactor
	secrets credentials
	jar     http.CookieJar // made with the first cookie
	last    answer
	by      *url.URL // the proxy that the last hop is asked by; nil: none
	kept    []byte   // the body of the last answer, where a check reads it
	begun   int      // hops that no redirect led to, but for the first
}

// run goes from hop to hop. Its error is a probe.Failure or probe.Unmeasured.
func (l *look) run(ctx context.Context) error {
	var err error
	if l.secrets, l.clean, err = readCredentials(l.options); err != nil {
		return &probe.Unmeasured{Err: err}
	}
	if err = l.fetchToken(ctx); err != nil {
		return err
	}
	if l.options.Instead != nil {
		return l.options.Instead.Look(ctx, l, nil, &l.result)
	}
	if err = l.follow(ctx); err != nil || l.options.Check == nil {
		return err
	}
	last := l.last // a check asks more, and this stays what the metrics tell of
	page := &visit.Answer{URL: last.response.Request.URL, Status: last.response.StatusCode, Header: last.response.Header, Body: l.kept}
	err = l.options.Check.Look(ctx, l, page, &l.result)
	l.last = last
	return err
}

// follow looks at the target and at where it redirects.
func (l *look) follow(ctx context.Context) error {
	at, method := l.options.URL, l.options.Method
	visited := map[string]bool{}
	for {
		again := visited[at.String()]
		visited[at.String()] = true
		next, err := l.hop(ctx, at, method)
		if err != nil || next == nil {
			return err
		}
		if len(l.result.Hops) > MaxRedirects {
			return tooMany(again, at, next)
		}
		method = redirected(method, l.last.response.StatusCode)
		// As browsers do: what was posted goes once more only where the
		// answer says so, and there only to who may have it.
		if method == http.MethodGet || !mayHave(l.options.URL, next) {
			l.secrets.body = nil
		}
		at = next
	}
}

// keepCookies remembers the cookies of an answer for the hops to come: many
// applications redirect in a circle to a client that has no cookies.
func (l *look) keepCookies(at *url.URL, resp *http.Response) {
	cookies := resp.Cookies()
	if len(cookies) == 0 {
		return
	}
	if l.jar == nil {
		jar, err := cookiejar.New(nil)
		if err != nil {
			return // cannot be: New fails for no options
		}
		l.jar = jar
	}
	// Host-only: what one host sets is sent to no other, whatever domain it
	// claims. So no list of public suffixes is needed.
	for _, c := range cookies {
		c.Domain = ""
	}
	l.jar.SetCookies(at, cookies)
}
