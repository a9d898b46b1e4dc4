package httpprobe

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"

	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/stream"
	"tocsin/probes/tlscheck"
)

// hop asks one server and returns where it sends us next, or nil when its
// answer was the last and was good.
func (l *look) hop(ctx context.Context, at *url.URL, method string) (*url.URL, error) {
	return l.exchange(ctx, at, method,
		func(traced context.Context) *http.Request { return l.request(traced, at, method) },
		func(n int, resp *http.Response, firstByte time.Time) (*url.URL, error) {
			return l.take(ctx, n, at, resp, firstByte)
		})
}

// exchange asks one server and hands its answer to take before the connection
// is closed. What take returns is returned.
func (l *look) exchange(
	ctx context.Context, at *url.URL, method string, request func(context.Context) *http.Request,
	take func(n int, resp *http.Response, firstByte time.Time) (*url.URL, error),
) (*url.URL, error) {
	l.last = answer{}
	n := len(l.result.Hops)
	l.result.Hops = append(l.result.Hops, probe.Hop{
		URL: probe.DisplayURL(at), Host: l.hosts.label(at.Hostname()),
		Phases: make(map[probe.Phase]time.Duration, len(probe.Phases())),
	})
	h := &l.result.Hops[n]
	l.result.Step(n, "", time.Time{}, false, method+" "+h.URL)

	server, err := l.open(ctx, n, at)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	next, err := l.ask(ctx, n, at, server, request, take)
	if n == 0 {
		stream.Versions(ctx, &l.result, n, at.Hostname(), &l.options.TLS, l.again(at))
	}
	return next, err
}

// again makes one more connection to a server, of which nothing is told.
func (l *look) again(at *url.URL) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		quiet := &look{options: l.options, hosts: l.hosts, clean: l.clean}
		quiet.result.Hops = []probe.Hop{{Phases: map[probe.Phase]time.Duration{}}}
		return quiet.connect(ctx, 0, at)
	}
}

func (l *look) connect(ctx context.Context, n int, at *url.URL) (net.Conn, error) {
	number, err := dial.SplitPort(port(at))
	if err != nil {
		return nil, probe.Fail(probe.Redirect, probe.PhaseResolve, err)
	}
	if l.by = l.options.Proxy.of(at); l.by != nil {
		return l.connectBy(ctx, n, at, number)
	}
	return stream.Connect(ctx, &l.result, n, l.dial(n), at.Hostname(), number)
}

// dial is how the server of hop n is reached.
func (l *look) dial(n int) *dial.Options {
	if n > 0 && l.options.RedirectDial != nil {
		return l.options.RedirectDial
	}
	return &l.options.Dial
}

// tlsOptions are the options for one server: the name set by hand and the
// certificate to show are the target's, not those of hosts which it redirects to.
func (l *look) tlsOptions(at *url.URL) *tlscheck.Options {
	o := l.options.TLS
	if !mayHave(l.options.URL, at) {
		o.ServerName, o.Client = "", nil
	}
	return &o
}

// ask sends the request to a server and has the answer taken.
func (l *look) ask(
	ctx context.Context, n int, at *url.URL, server speaker, request func(context.Context) *http.Request,
	take func(n int, resp *http.Response, firstByte time.Time) (*url.URL, error),
) (*url.URL, error) {
	h := &l.result.Hops[n]
	began := time.Now()
	var firstByte time.Time
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotFirstResponseByte: func() { firstByte = time.Now() },
	})
	req := request(traced)
	if l.by != nil && at.Scheme == "http" {
		l.options.Proxy.address(req, l.by)
	}
	resp, err := server.RoundTrip(req)
	if err != nil {
		h.Phases[probe.PhaseProcessing] = time.Since(began)
		err = l.answerError(ctx, probe.PhaseProcessing, err)
		l.result.Step(n, probe.PhaseProcessing, began, true, err.Error())
		return nil, err
	}
	defer resp.Body.Close()
	// RoundTrip has returned: the trace has had its first byte.
	if firstByte.IsZero() {
		firstByte = time.Now()
	}
	h.Status, h.Proto = resp.StatusCode, resp.Proto
	h.Phases[probe.PhaseProcessing] = firstByte.Sub(began)
	l.last = answer{response: resp, secure: at.Scheme == "https"}
	l.result.Step(n, probe.PhaseProcessing, began, false, fmt.Sprintf("%s %d %s", resp.Proto, resp.StatusCode, http.StatusText(resp.StatusCode)))
	return take(n, resp, firstByte)
}

// take follows an answer's redirect, or judges it.
func (l *look) take(ctx context.Context, n int, at *url.URL, resp *http.Response, firstByte time.Time) (*url.URL, error) {
	h := &l.result.Hops[n]
	if l.options.FollowRedirects {
		next, err := nextURL(at, resp)
		if err != nil {
			l.result.Step(n, probe.PhaseProcessing, time.Time{}, true, err.Error())
			return nil, err
		}
		if next != nil {
			h.Phases[probe.PhaseTransfer] = time.Since(firstByte)
			l.keepCookies(at, resp)
			l.result.Step(n, "", time.Time{}, false, "redirected to "+probe.DisplayURL(next))
			return next, nil
		}
	}
	err := l.judge(ctx, at, resp)
	h.Phases[probe.PhaseTransfer] = time.Since(firstByte)
	if err != nil {
		l.result.Step(n, probe.PhaseTransfer, firstByte, true, err.Error())
		return nil, err
	}
	l.result.Step(n, probe.PhaseTransfer, firstByte, false, fmt.Sprintf("read %d bytes; status and content are as expected", l.last.read))
	return nil, nil //nolint:nilnil // the last answer, and nothing wrong
}

// request builds the request for one server.
func (l *look) request(ctx context.Context, at *url.URL, method string) *http.Request {
	req := l.bare(ctx, at, method)
	if mayHave(l.options.URL, at) {
		maps.Copy(req.Header, l.secrets.header)
		if l.secrets.host != "" {
			req.Host = l.secrets.host
		}
	}
	if l.secrets.body != nil && mayHave(l.options.URL, at) {
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(l.secrets.body)), int64(len(l.secrets.body))
	}
	l.addCookies(req, at)
	return req
}

// bare is a request with nothing that is secret.
func (l *look) bare(ctx context.Context, at *url.URL, method string) *http.Request {
	req := (&http.Request{
		Method: method, URL: at, Host: at.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header, 4),
	}).WithContext(ctx)
	req.Header.Set("User-Agent", userAgent)
	return req
}

func (l *look) addCookies(req *http.Request, at *url.URL) {
	if l.jar == nil {
		return
	}
	for _, c := range l.jar.Cookies(at) {
		req.AddCookie(c)
	}
}
