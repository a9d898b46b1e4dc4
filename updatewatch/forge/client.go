package forge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	requestTimeout = 30 * time.Second
	indexTimeout   = 3 * time.Minute // a Debian index is large
	maxRedirects   = 5
)

// Options are what a client is made of.
type Options struct {
	Transport http.RoundTripper // nil: one of its own, over the environment's proxy
	UserAgent string            // tells hosts who asks
}

// A Client asks sources. It remembers how each host wants to be treated, so
// all questions of a process belong to one client. Its methods may be called
// from any goroutine.
type Client struct {
	transport http.RoundTripper
	agent     string

	mu    sync.Mutex // guards hosts
	hosts map[string]*host
}

// New makes a client.
func New(o Options) *Client {
	c := &Client{transport: o.Transport, agent: o.UserAgent, hosts: map[string]*host{}}
	if c.transport == nil {
		c.transport = &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout:    5 * time.Second,
			ResponseHeaderTimeout:  10 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConnsPerHost:    1,
			IdleConnTimeout:        10 * time.Second,
			ForceAttemptHTTP2:      true,
		}
	}
	if c.agent == "" {
		c.agent = "Tocsin (watches releases)"
	}
	return c
}

// redirectError is a redirect that is not followed.
type redirectError struct{ text string }

func (e *redirectError) Error() string { return e.text }

// visit asks one address and hands the answer to read. What it returns was
// not modified when the host said so.
func (c *Client) visit(ctx context.Context, q Question, address string, header http.Header, read func(*http.Response) error) (a Answer, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return a, Fail(Unreachable, "the address is no URL")
	}
	timeout := requestTimeout
	if q.Kind == Apt {
		timeout = indexTimeout
	}
	h := c.host(u.Host)
	leave, err := h.enter(ctx, u.Host)
	if err != nil {
		return a, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return a, Fail(Unreachable, "the address is no URL")
	}
	req.Header = header
	req.Header.Set("User-Agent", c.agent)
	if q.Validators.ETag != "" {
		req.Header.Set("If-None-Match", q.Validators.ETag)
	}
	if q.Validators.LastModified != "" {
		req.Header.Set("If-Modified-Since", q.Validators.LastModified)
	}
	client := &http.Client{Transport: c.transport, CheckRedirect: sameHost(&a.MovedTo)}
	resp, err := client.Do(req)
	if err != nil {
		h.failed()
		return a, failure(u.Host, err)
	}
	defer resp.Body.Close()
	until, limited := h.heard(resp.StatusCode, resp.Header, time.Now())
	switch {
	case resp.StatusCode == http.StatusNotModified:
		a.NotModified, a.Validators = true, q.Validators
		return a, nil
	case resp.StatusCode != http.StatusOK:
		_, _ = io.CopyN(io.Discard, resp.Body, 16<<10) // so that the connection can be used again
		return a, refusal(u.Host, resp.StatusCode, until, limited)
	}
	if err := read(resp); err != nil {
		return a, failure(u.Host, err)
	}
	if resp.Header.Get("Expires") != "0" { // such a host does not mean what it says
		a.Validators = Validators{ETag: bounded(resp.Header.Get("ETag")), LastModified: bounded(resp.Header.Get("Last-Modified"))}
	}
	return a, nil
}

// bounded drops a validator that no host of good will sends.
func bounded(text string) string {
	if len(text) > 256 {
		return ""
	}
	return text
}

// failure gives an error its reason, without the address that may have a
// query in it.
func failure(name string, err error) error {
	if known, ok := errors.AsType[*Error](err); ok {
		return known
	}
	r := reasonOf(err)
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return &Error{Reason: r, Err: fmt.Errorf("%s: %w", name, err)}
}

// sameHost follows redirects on the host that was asked, never to plain HTTP.
// It notes where one leads that is meant for good.
func sameHost(moved *string) func(*http.Request, []*http.Request) error {
	forGood := true
	return func(req *http.Request, via []*http.Request) error {
		first := via[0].URL
		switch {
		case len(via) > maxRedirects:
			return &redirectError{fmt.Sprintf("more than %d redirects", maxRedirects)}
		case req.URL.Host != first.Host:
			return &redirectError{fmt.Sprintf("it leads to %.100q, which the site file does not name", req.URL.Host)}
		case first.Scheme == "https" && req.URL.Scheme != "https":
			return &redirectError{"it leads from https to plain http"}
		}
		code := req.Response.StatusCode
		forGood = forGood && (code == http.StatusMovedPermanently || code == http.StatusPermanentRedirect)
		if forGood {
			plain := *req.URL
			plain.User, plain.RawQuery, plain.Fragment = nil, "", ""
			*moved = plain.String()
		}
		return nil
	}
}
