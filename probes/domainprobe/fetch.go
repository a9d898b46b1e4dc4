package domainprobe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"tocsin/probes/probe"
	"tocsin/probes/stream"
)

// Bounds of what is read. IANA's list has 110 kB.
const (
	maxBody      = 1 << 20
	maxRedirects = 5
)

// How long a registry that wants no more questions is left alone.
const (
	usualPause   = time.Hour
	longestPause = 24 * time.Hour
)

// An answer is what a server said.
type answer struct {
	status int
	etag   string
	body   []byte
	wait   time.Duration // how long it does not want to be asked; 0 when it did not say
}

// get asks a web server once, redirects included. Its error is probe.Unmeasured:
// who cannot be asked has said nothing of the domain.
func (p *Prober) get(ctx context.Context, address, etag string) (*answer, error) {
	client := &http.Client{
		Transport: stream.Transport(&p.options.Dial, &p.options.TLS),
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			switch {
			case len(via) > maxRedirects:
				return errors.New("there are too many redirects")
			case req.URL.Scheme != "https" && via[0].URL.Scheme == "https":
				return errors.New("a redirect leaves TLS")
			}
			return nil
		},
	}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, &probe.Unmeasured{Err: fmt.Errorf("ask %s: %w", address, err)}
	}
	req.Header.Set("Accept", "application/rdap+json, application/json;q=0.5") // RFC 7480, section 4.2
	req.Header.Set("User-Agent", "Tocsin")
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, unreached(ctx, req.URL.Host, err)
	}
	defer resp.Body.Close()
	a := &answer{status: resp.StatusCode, etag: resp.Header.Get("ETag"), wait: pause(resp.Header.Get("Retry-After"), p.options.Now())}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, unreached(ctx, req.URL.Host, err)
	case len(a.body) > maxBody:
		return nil, &probe.Unmeasured{Err: fmt.Errorf("the answer of %s is larger than %d bytes", req.URL.Host, maxBody)}
	}
	return a, nil
}

func unreached(ctx context.Context, host string, err error) error {
	if ended := probe.Ended(ctx, probe.PhaseProcessing, "asking "+host); ended != nil {
		return &probe.Unmeasured{Err: ended}
	}
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err // without the URL, which is said anyway
	}
	return &probe.Unmeasured{Err: fmt.Errorf("%s could not be asked: %w", host, err)}
}

// pause reads Retry-After: seconds, or a moment (RFC 9110, section 10.2.3).
func pause(header string, now time.Time) time.Duration {
	if header == "" {
		return 0
	}
	wait := usualPause
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, time.Second), longestPause)
}
