package httpprobe

import (
	"net/url"
	"regexp"
	"time"

	"tocsin/internal/secret"
	"tocsin/probes/dial"
	"tocsin/probes/tlscheck"
)

// The bounds of a probe, where Options do not say otherwise.
const (
	DefaultMaxBody = 10 << 20 // bytes of the last answer's body that are read
	MaxRedirects   = 10       // as browsers and Go's own client, roughly
	maxHeader      = 256 << 10
	userAgent      = "Tocsin"
)

// Options is one HTTP probe. It knows nothing of the file that it came from.
type Options struct {
	URL    *url.URL // http or https, without credentials
	Method string   // empty is GET

	// Headers, Username with Password, and BearerToken are sent to the
	// target only: never to another host that it redirects to, nor without
	// TLS when the target has it.
	Headers     []Header
	Username    string
	Password    secret.Source
	BearerToken secret.Source

	Status          []StatusRange // empty is 200 to 299
	Body            BodyRules
	FollowRedirects bool
	MaxBody         int64 // 0 is DefaultMaxBody

	Dial dial.Options
	TLS  tlscheck.Options // ALPN is set by this package
	// Now is the time that certificates and the age of things are judged by;
	// nil is time.Now.
	Now func() time.Time
}

// A Header is a header of the request. Its value may be a secret.
type Header struct {
	Name  string
	Value secret.Source
}

// A StatusRange is the statuses that are good, from First to Last.
type StatusRange struct{ First, Last int }

// BodyRules is what the last answer's body must be. What is unset asks nothing.
type BodyRules struct {
	Contains   string
	Matches    *regexp.Regexp
	NotMatches *regexp.Regexp
}

func (b *BodyRules) any() bool {
	return b.Contains != "" || b.Matches != nil || b.NotMatches != nil
}

func (o *Options) wantsStatus(status int) bool {
	if len(o.Status) == 0 {
		return status >= 200 && status <= 299
	}
	for _, r := range o.Status {
		if status >= r.First && status <= r.Last {
			return true
		}
	}
	return false
}
