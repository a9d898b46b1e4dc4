package adapter

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"tocsin/bricks"
)

const (
	maxHeader    = 64 << 10
	maxRedirects = 5
	maxValue     = 1 << 10 // of one header, as expressions see it
	userAgent    = "Tocsin (monitoring)"
)

// web asks over HTTP.
type web struct {
	address string
	access  bricks.Access
	request bricks.Request
	client  *http.Client
}

func newHTTP(address string, access bricks.Access, r bricks.Request, caFile string) (*web, error) {
	config, err := trust(caFile)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSClientConfig:        config,
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConnsPerHost:    1,
		IdleConnTimeout:        2 * time.Minute,
		TLSHandshakeTimeout:    10 * time.Second,
	}
	w := &web{address: address, access: access, request: r}
	w.client = &http.Client{Transport: transport, CheckRedirect: w.redirect}
	return w, nil
}

// redirect follows only where the kind says so, and takes nothing along.
func (w *web) redirect(next *http.Request, via []*http.Request) error {
	if !w.request.FollowRedirects {
		return http.ErrUseLastResponse
	}
	if len(via) > maxRedirects {
		return errRedirects
	}
	if via[0].URL.Scheme == "https" && next.URL.Scheme != "https" {
		return errPlain
	}
	next.Header.Del("Authorization")
	next.Header.Del("Referer")
	return nil
}

var (
	errRedirects = errors.New("too many redirects")
	errPlain     = errors.New("redirect from https to http")
)

// Ask implements Asker.
func (w *web) Ask(ctx context.Context) (Raw, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.address, http.NoBody)
	if err != nil {
		return Raw{}, fail(bricks.Failed, "its address is no URL")
	}
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Accept", accept(w.request.Adapter))
	if err := w.authorise(req); err != nil {
		return Raw{}, err
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return Raw{}, unanswered(err)
	}
	defer resp.Body.Close()
	raw := Raw{Status: resp.StatusCode, Headers: headers(resp.Header)}
	if err := Accept(w.request, raw); err != nil {
		return raw, err
	}
	if resp.ContentLength > MaxAnswer {
		return raw, fail(bricks.TooLarge, "its answer is larger than %d MiB", MaxAnswer>>20)
	}
	raw.Body, err = readAll(resp.Body)
	return raw, err
}

func (w *web) authorise(req *http.Request) error {
	switch w.request.Auth {
	case "basic":
		if w.access.Username == "" {
			return nil
		}
		password, err := credential(w.access.Password)
		if err != nil {
			return err
		}
		req.SetBasicAuth(w.access.Username, password.Reveal())
	case "bearer":
		token, err := credential(w.access.Token)
		if err != nil {
			return err
		}
		if !token.IsZero() {
			req.Header.Set("Authorization", "Bearer "+token.Reveal())
		}
	}
	return nil
}

// Accept looks at what stands before the body of an answer over HTTP.
func Accept(r bricks.Request, raw Raw) error {
	switch status := raw.Status; {
	case slices.Contains(r.AcceptStatus, status):
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fail(bricks.Denied, "it refuses access with status %d %s", status, http.StatusText(status))
	case status >= 300 && status < 400:
		return fail(bricks.Status, "it redirects (status %d) where an answer was expected", status)
	default:
		return fail(bricks.Status, "it answers with status %d %s", status, http.StatusText(status))
	}
	if want := r.ContentType; want != "" && !strings.HasPrefix(strings.ToLower(raw.Headers["content-type"]), want) {
		return fail(bricks.ContentType, "its answer is not of the type %s", want)
	}
	return nil
}

// unanswered tells a failed exchange without the address that the library puts
// in front.
func unanswered(err error) *Failure {
	if inner, ok := errors.AsType[*url.Error](err); ok {
		err = inner.Err
	}
	words := err.Error()
	switch {
	case errors.Is(err, errRedirects):
		return fail(bricks.Status, "its redirects lead in a circle, or over more than %d servers", maxRedirects)
	case errors.Is(err, errPlain):
		return fail(bricks.Status, "it redirects from https to http")
	case strings.Contains(words, "malformed HTTP"), strings.Contains(words, "server gave HTTP response to HTTPS"):
		return fail(bricks.Unparsable, "it does not speak HTTP on this port, or the URL has the wrong scheme")
	case strings.Contains(words, "headers exceeded"):
		return fail(bricks.TooLarge, "the header of its answer is longer than %d bytes", maxHeader)
	case strings.Contains(words, "server closed"):
		return fail(bricks.Reset, "the connection is cut before an answer comes")
	}
	return network(err, "")
}

func accept(adapter string) string {
	switch adapter {
	case bricks.HTTPPrometheus:
		return "text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1"
	case bricks.HTTPJSON, bricks.UWSGI:
		return "application/json,*/*;q=0.5"
	}
	return "*/*"
}

// headers returns the answer's headers as expressions see them, without what
// would let somebody in.
func headers(h http.Header) map[string]string {
	out := make(map[string]string, len(h))
	for name, values := range h {
		if name == "Set-Cookie" || len(values) == 0 {
			continue
		}
		value := text([]byte(values[0]))
		out[strings.ToLower(name)] = value[:min(len(value), maxValue)]
	}
	return out
}
