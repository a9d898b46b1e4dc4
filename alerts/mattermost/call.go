package mattermost

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"tocsin/alerts"
	"tocsin/internal/lazy"
)

// An operation is what a request was for, in an error's words.
type operation string

const (
	opFind     operation = "find the channel"
	opSettings operation = "read the server's settings"
	opPost     operation = "post"
	opEdit     operation = "edit the post"
	opReply    operation = "reply to the post"
	opSearch   operation = "look for the post"
	opHook     operation = "post by the webhook"
)

// A callError is a request that failed. Its text is our own.
type callError struct {
	op     operation
	status int // 0: there was no answer
	cause  alerts.Cause
	words  string
	id     string // the server's error id, if it looks like one
}

func (e *callError) Error() string {
	text := string(e.op) + ": "
	if e.status != 0 {
		text += strconv.Itoa(e.status) + ": "
	}
	text += e.words
	if e.id != "" {
		text += " (" + e.id + ")"
	}
	return text
}

// retry tells whether the same request may succeed later.
func (e *callError) retry() bool {
	switch e.cause {
	case alerts.CauseServer, alerts.CauseTimeout, alerts.CauseUnreachable, alerts.CauseBadAnswer, alerts.CauseRateLimited:
		return true
	default:
		return false
	}
}

// status returns the status of a failed request; 0 for any other error.
func status(err error) int {
	if call, ok := errors.AsType[*callError](err); ok {
		return call.status
	}
	return 0
}

// explain makes a callError of what a request returned. resp is nil when
// there was no answer.
func explain(op operation, resp *response, err error) *callError {
	e := &callError{op: op}
	var timeout net.Error
	switch {
	case resp == nil && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.As(err, &timeout) && timeout.Timeout()):
		e.cause, e.words = alerts.CauseTimeout, "no answer in time"
		return e
	case resp == nil:
		e.cause, e.words = alerts.CauseUnreachable, network(err)
		return e
	}
	e.status = resp.status
	e.cause, e.words = meaning(op, resp.status)
	if refused, ok := errors.AsType[*serverError](err); ok && errorID().MatchString(refused.ID) {
		e.id = refused.ID
	}
	return e
}

// errorID is how the server names its errors. Constant.
var errorID = lazy.Regexp(`^(api|app|model|store|web)(\.[a-z][a-z_]{0,40}){1,6}$`)

// meaning says what a status tells, and what to mend.
func meaning(op operation, status int) (alerts.Cause, string) {
	switch {
	case status < 300:
		return alerts.CauseBadAnswer, "the server's answer can't be read"
	case status < 400:
		return alerts.CauseRefused, "the server redirects to another address: write the final one as url"
	case status == http.StatusUnauthorized:
		return alerts.CauseAuth, "the token is refused: make a new one for the bot and write it to token_file"
	case status == http.StatusTooManyRequests:
		return alerts.CauseRateLimited, "the server asks to wait longer than there is time"
	case status == http.StatusRequestEntityTooLarge:
		return alerts.CauseTooLarge, "refused as too large, even in its shortest form"
	case op == opHook && status == http.StatusNotImplemented:
		return alerts.CauseForbidden, "incoming webhooks are switched off on the server"
	case op == opHook && (status == http.StatusForbidden || status == http.StatusNotFound || status == http.StatusBadRequest):
		return alerts.CauseNotFound, "the webhook is refused: it was deleted, or may not post in its channel; " +
			"make a new one and write its address to webhook_url_file"
	case op == opFind && (status == http.StatusForbidden || status == http.StatusNotFound):
		return alerts.CauseNotFound, "the bot sees no such channel: compare channel with the channel's address, " +
			"and invite the bot to the team and to the channel"
	case status == http.StatusForbidden:
		return alerts.CauseForbidden, "the bot may not do this: invite it to the team and to the channel"
	case status == http.StatusNotFound:
		return alerts.CauseNotFound, "the server knows no such address: is url that of a Mattermost server?"
	case status == http.StatusNotImplemented:
		return alerts.CauseRefused, "the server has no licence for this"
	case status == http.StatusRequestTimeout:
		return alerts.CauseTimeout, "the server did not get the request in time"
	case status >= 500:
		return alerts.CauseServer, "the server has trouble of its own"
	default:
		return alerts.CauseRefused, "the server refused the message"
	}
}

// A gate keeps all requests of a voice back while the server asks to wait.
type gate struct {
	now   func() time.Time
	pause func(context.Context, time.Duration) error

	mu    sync.Mutex
	until time.Time // guarded by mu
}

// pass waits until the gate is open. When that is later than ctx ends, it
// does not wait at all.
func (g *gate) pass(ctx context.Context, op operation) error {
	for {
		g.mu.Lock()
		wait := g.until.Sub(g.now())
		g.mu.Unlock()
		if wait <= 0 {
			return nil
		}
		limited := &callError{op: op, status: http.StatusTooManyRequests}
		limited.cause, limited.words = meaning(op, http.StatusTooManyRequests)
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			return limited
		}
		if g.pause(ctx, wait) != nil {
			return limited
		}
	}
}

// hold closes the gate for as long as the server asks.
func (g *gate) hold(h http.Header) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := g.now().Add(retryAfter(h, g.now())); until.After(g.until) {
		g.until = until
	}
}

// retryAfter reads how long the server asks to wait: seconds or a date, else
// a second; at most five minutes.
func retryAfter(h http.Header, now time.Time) time.Duration {
	wait := time.Second
	for _, name := range []string{"X-Ratelimit-Reset", "Retry-After"} {
		v := strings.TrimSpace(h.Get(name))
		if seconds, err := strconv.ParseFloat(v, 64); err == nil && seconds >= 0 && seconds < 1e9 {
			wait = time.Duration(seconds * float64(time.Second))
		} else if date, err := http.ParseTime(v); err == nil {
			wait = date.Sub(now)
		}
	}
	return min(max(wait, 100*time.Millisecond), 5*time.Minute)
}

// call makes a request, and makes it again as often as the server asks to
// wait, until ctx ends.
func (g *gate) call(ctx context.Context, op operation, request func() (*response, error)) error {
	for {
		if err := g.pass(ctx, op); err != nil {
			return err
		}
		resp, err := request()
		if err == nil {
			return nil
		}
		failed := explain(op, resp, err)
		if failed.cause != alerts.CauseRateLimited {
			return failed
		}
		g.hold(resp.header)
	}
}

// pause waits for d, or for the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait: %w", ctx.Err())
	}
}
