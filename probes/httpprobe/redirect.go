package httpprobe

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"unicode"

	"tocsin/probes/probe"
)

// maxLocation bounds a redirect's address. A SAML request in a query is some
// kilobytes.
const maxLocation = 64 << 10

// nextURL returns where an answer redirects to, or nil when it does not.
func nextURL(at *url.URL, resp *http.Response) (*url.URL, error) {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil //nolint:nilnil // no redirect, and nothing wrong
	}
	location := resp.Header.Get("Location")
	if location == "" {
		return nil, nil //nolint:nilnil // the status is judged like any other
	}
	next, err := resolveLocation(at, location)
	if err != nil {
		return nil, probe.Fail(probe.Redirect, probe.PhaseProcessing, err)
	}
	return next, nil
}

// redirected is the method to follow a redirect with, as browsers do.
func redirected(method string, status int) string {
	if status == http.StatusTemporaryRedirect || status == http.StatusPermanentRedirect || method == http.MethodHead {
		return method
	}
	return http.MethodGet
}

// tooMany is the failure of redirects that do not end.
func tooMany(again bool, at, next *url.URL) error {
	if again {
		return probe.Fail(probe.RedirectLoop, probe.PhaseProcessing,
			fmt.Errorf("redirects lead in a circle: after %d of them %s came again", MaxRedirects, probe.DisplayURL(at)))
	}
	return probe.Fail(probe.Redirect, probe.PhaseProcessing,
		fmt.Errorf("more than %d redirects; the last led to %s", MaxRedirects, probe.DisplayURL(next)))
}

// resolveLocation reads what a server wrote as the address to go to. Errors
// quote nothing of it: it may hold a session or a token.
func resolveLocation(at *url.URL, location string) (*url.URL, error) {
	if len(location) > maxLocation {
		return nil, fmt.Errorf("the redirect's address is longer than %d bytes", maxLocation)
	}
	ref, err := url.Parse(location)
	if err != nil {
		return nil, errors.New("the redirect's address cannot be read")
	}
	next := at.ResolveReference(ref)
	// Credentials in the address are the server's idea, not the site's.
	next.User, next.Fragment, next.RawFragment = nil, "", ""
	if next.Scheme != "http" && next.Scheme != "https" {
		return nil, fmt.Errorf("the redirect leads to a %s: address, which cannot be followed", next.Scheme)
	}
	if err := checkHost(next.Hostname()); err != nil {
		return nil, fmt.Errorf("the redirect leads nowhere: %w", err)
	}
	if next.Path == "" {
		next.Path = "/"
	}
	return next, nil
}

// checkHost refuses what can be no host's name, before it becomes a label.
func checkHost(host string) error {
	if host == "" {
		return errors.New("it names no host")
	}
	if len(host) > 253 {
		return errors.New("its host name is longer than 253 bytes")
	}
	for _, c := range host {
		if c > unicode.MaxASCII || !unicode.IsPrint(c) || c == ' ' {
			return errors.New("its host name is not plain ASCII")
		}
	}
	return nil
}

// maxHosts bounds the values of the label host for one prober.
const maxHosts = 24

// hostNames is the hosts that a prober has met. A server that redirects to a
// new name each time must not make a new series each time.
type hostNames struct {
	mu   sync.Mutex // guards seen
	seen map[string]bool
}

func newHostNames(first string) *hostNames {
	return &hostNames{seen: map[string]bool{first: true}}
}

// label returns the value of the label for a host: its name, or "other" once
// there were too many.
func (h *hostNames) label(host string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seen[host] {
		return host
	}
	if len(h.seen) >= maxHosts {
		return "other"
	}
	h.seen[host] = true
	return host
}
