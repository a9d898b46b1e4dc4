package httpprobe

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"

	"tocsin/probes/probe"
	"tocsin/probes/visit"
)

// acceptPages is what a browser says it takes.
const acceptPages = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// maxHops bounds how many servers one look asks in all, whatever a check wants.
const maxHops = 100

// Hide implements visit.Visitor.
func (l *look) Hide(secrets ...string) { l.clean = l.clean.With(secrets...) }

// Head implements visit.Visitor.
func (l *look) Head(text string) {
	l.result.Step(len(l.result.Hops), "", time.Time{}, false, text)
}

// Note implements visit.Visitor.
func (l *look) Note(failed bool, text string) {
	l.result.Step(max(0, len(l.result.Hops)-1), probe.PhaseTransfer, time.Time{}, failed, text)
}

// Visit implements visit.Visitor.
func (l *look) Visit(ctx context.Context, q visit.Request) (*visit.Answer, error) {
	out := &visit.Answer{Verified: true}
	at, method, body := q.URL, cmp.Or(q.Method, http.MethodGet), q.Body
	if len(l.result.Hops) > 0 {
		l.begun++
	}
	visited := map[string]bool{}
	for {
		if len(l.result.Hops) >= maxHops {
			return nil, probe.Fail(probe.Redirect, probe.PhaseProcessing, fmt.Errorf("more than %d requests in one look", maxHops))
		}
		again := visited[at.String()]
		visited[at.String()] = true
		next, err := l.exchange(ctx, at, method,
			func(traced context.Context) *http.Request { return l.visiting(traced, &q, at, method, body) },
			func(n int, resp *http.Response, firstByte time.Time) (*url.URL, error) {
				return l.keep(ctx, n, &q, at, resp, firstByte, out)
			})
		if err != nil || next == nil {
			return out, err
		}
		if len(out.Way) > MaxRedirects {
			return nil, tooMany(again, at, next)
		}
		method = redirected(method, l.last.response.StatusCode)
		if method == http.MethodGet || !mayHave(q.URL, next) {
			body = nil
		}
		at = next
	}
}

// visiting builds the request for one server.
func (l *look) visiting(ctx context.Context, q *visit.Request, at *url.URL, method string, body []byte) *http.Request {
	req := l.bare(ctx, at, method)
	req.Header.Set("Accept", cmp.Or(q.Accept, acceptPages))
	if mayHave(l.options.URL, at) {
		maps.Copy(req.Header, l.secrets.header)
		if l.secrets.host != "" {
			req.Host = l.secrets.host
		}
	}
	if mayHave(q.URL, at) {
		maps.Copy(req.Header, q.Header)
	}
	if body != nil {
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	l.addCookies(req, at)
	return req
}

// keep notes an answer, and reads it unless it redirects.
func (l *look) keep(
	ctx context.Context, n int, q *visit.Request, at *url.URL, resp *http.Response, firstByte time.Time, out *visit.Answer,
) (*url.URL, error) {
	h := &l.result.Hops[n]
	out.Way = append(out.Way, visit.Hop{URL: at, Status: resp.StatusCode})
	out.Cookies = append(out.Cookies, resp.Header.Values("Set-Cookie")...)
	out.Verified = out.Verified && (h.TLS == nil || len(h.TLS.Problems) == 0)
	l.keepCookies(at, resp)
	if !q.Stay {
		next, err := nextURL(at, resp)
		if err != nil {
			l.result.Step(n, probe.PhaseProcessing, time.Time{}, true, err.Error())
			return nil, err
		}
		if next != nil {
			h.Phases[probe.PhaseTransfer] = time.Since(firstByte)
			l.result.Step(n, "", time.Time{}, false, "redirected to "+probe.DisplayURL(next))
			return next, nil
		}
	}
	most := cmp.Or(q.MaxBody, l.options.MaxBody)
	var kept bytes.Buffer
	read, err := io.Copy(&kept, io.LimitReader(resp.Body, most+1))
	l.last.read = read
	h.Phases[probe.PhaseTransfer] = time.Since(firstByte)
	switch {
	case err != nil:
		err = l.answerError(ctx, probe.PhaseTransfer, err)
	case read > most && !q.Cut:
		err = probe.Fail(probe.TooLarge, probe.PhaseTransfer, fmt.Errorf("the answer of %s is longer than %d bytes", probe.DisplayURL(at), most))
	}
	if err != nil {
		l.result.Step(n, probe.PhaseTransfer, firstByte, true, err.Error())
		return nil, err
	}
	l.result.Step(n, probe.PhaseTransfer, firstByte, false, "read "+probe.Count(read, "byte", "bytes"))
	out.URL, out.Status, out.Header = at, resp.StatusCode, resp.Header
	out.Body = kept.Bytes()[:min(read, most)]
	return nil, nil //nolint:nilnil // the last answer, and nothing wrong
}
