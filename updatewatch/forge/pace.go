package forge

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	gap        = time.Second     // between two requests to one host
	firstPause = time.Minute     // after a refusal without a date, doubled each time
	maxPause   = 6 * time.Hour   // at most; a host's own date may be later
	farthest   = 24 * time.Hour  // a host's own date is believed up to here
	maxHosts   = 1000            // that are remembered
	patience   = 2 * time.Minute // waiting for one's turn at a host
)

// A HostState is how one host stands, for metrics.
type HostState struct {
	Host      string
	Responses map[string]int // by status code, or error
	Remaining float64        // of its rate limit; negative: it does not say
	Until     time.Time      // it is not asked before
}

// host paces the requests to one host.
type host struct {
	turn chan struct{} // holds one token: who has it may ask

	mu        sync.Mutex // guards what follows
	next      time.Time  // the earliest moment of the next request
	until     time.Time
	refusals  int
	remaining float64
	responses map[string]int
}

func (c *Client) host(name string) *host {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[name]
	if h == nil {
		h = &host{turn: make(chan struct{}, 1), remaining: -1, responses: map[string]int{}}
		h.turn <- struct{}{}
		if len(c.hosts) < maxHosts {
			c.hosts[name] = h
		}
	}
	return h
}

// Hosts tells how the hosts stand that were asked so far, sorted by name.
func (c *Client) Hosts() []HostState {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]HostState, 0, len(c.hosts))
	for _, name := range slices.Sorted(maps.Keys(c.hosts)) {
		h := c.hosts[name]
		h.mu.Lock()
		all = append(all, HostState{Host: name, Responses: maps.Clone(h.responses), Remaining: h.remaining, Until: h.until})
		h.mu.Unlock()
	}
	return all
}

// enter waits for one's turn. A host that asked to be left alone is not asked
// at all: that is an error with the moment when it may be.
func (h *host) enter(ctx context.Context, name string) (leave func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-h.turn:
	case <-ctx.Done():
		return nil, &Error{Reason: Timeout, Err: ctx.Err()}
	}
	leave = func() {
		h.mu.Lock()
		h.next = time.Now().Add(gap)
		h.mu.Unlock()
		h.turn <- struct{}{}
	}
	h.mu.Lock()
	wait, until := time.Until(h.next), h.until
	h.mu.Unlock()
	if time.Now().Before(until) {
		h.turn <- struct{}{}
		e := Fail(RateLimited, "%s asked to be left alone until %s", name, until.UTC().Format(time.RFC3339))
		e.RetryAt = until
		return nil, e
	}
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			leave()
			return nil, &Error{Reason: Timeout, Err: ctx.Err()}
		}
	}
	return leave, nil
}

// heard notes an answer: what is left of the rate limit, and until when the
// host is to be left alone. It returns that moment, and whether the answer
// speaks of a limit.
func (h *host) heard(status int, header http.Header, now time.Time) (until time.Time, limited bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.responses[strconv.Itoa(status)]++
	remaining, known := number(header, "X-Ratelimit-Remaining", "Ratelimit-Remaining")
	if known {
		h.remaining = remaining
	}
	reset := resetTime(header, now)
	until = retryAfter(header, now)
	limited = !until.IsZero() || known && remaining == 0
	refused := status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable || status == http.StatusForbidden && limited
	switch {
	case refused:
		h.refusals++
		if until.IsZero() {
			until = reset
		}
		if until.IsZero() {
			until = now.Add(min(maxPause, firstPause<<min(h.refusals-1, 10)))
		}
	case known && remaining == 0 && !reset.IsZero():
		h.refusals, until = 0, reset // the next one would be refused
	default:
		h.refusals, until = 0, time.Time{}
	}
	if latest := now.Add(farthest); until.After(latest) {
		until = latest
	}
	h.until = until
	return until, limited
}

func (h *host) failed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.responses["error"]++
}

// retryAfter reads the header of that name: seconds, or a date.
func retryAfter(header http.Header, now time.Time) time.Time {
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil && seconds >= 0 {
		return now.Add(time.Duration(seconds) * time.Second)
	}
	if date, err := http.ParseTime(text); err == nil {
		return date
	}
	return time.Time{}
}

// resetTime is when a rate limit begins anew: seconds since 1970.
func resetTime(header http.Header, now time.Time) time.Time {
	seconds, ok := number(header, "X-Ratelimit-Reset", "Ratelimit-Reset")
	if !ok {
		return time.Time{}
	}
	if seconds < 1e6 { // the newer header counts from now
		return now.Add(time.Duration(seconds) * time.Second)
	}
	return time.Unix(int64(min(seconds, 1e11)), 0)
}

func number(header http.Header, names ...string) (float64, bool) {
	for _, name := range names {
		if n, err := strconv.ParseFloat(strings.TrimSpace(header.Get(name)), 64); err == nil && n >= 0 && n < 1e12 {
			return n, true
		}
	}
	return 0, false
}
