package httpprobe

import (
	"net/url"
	"regexp"
	"time"

	"tocsin/internal/secret"
	"tocsin/probes/celcheck"
	"tocsin/probes/dial"
	"tocsin/probes/tlscheck"
	"tocsin/probes/visit"
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
	Headers  []Header
	Username string
	Password secret.Source
	// BearerToken is sent as the header Authorization, behind AuthScheme.
	BearerToken secret.Source
	AuthScheme  string  // empty is Bearer
	OAuth2      *OAuth2 // nil: no token is fetched
	// RequestBody is sent with the first request, as is what is in
	// RequestBodyFile, which is read afresh for each look.
	RequestBody     secret.Text
	RequestBodyFile string

	Status          []StatusRange // empty is 200 to 299
	Versions        []string      // as HTTP/2.0; empty takes any
	AnswerHeaders   []HeaderRule
	Encryption      Encryption
	Body            BodyRules
	FollowRedirects bool
	MaxBody         int64 // 0 is DefaultMaxBody
	// Compression is how the body is taken to be packed: gzip, deflate, br or
	// identity. Empty judges the body as it was sent.
	Compression  string
	DisableHTTP2 bool
	// HTTP3 speaks HTTP/3 with every server that is asked over TLS, and nothing
	// else: it does not go with Proxy.
	HTTP3 bool
	Proxy *Proxy // nil: none is used

	// Check, where set, looks further after a page that is good; Instead
	// looks in place of asking for URL.
	Check, Instead visit.Check

	Dial dial.Options
	// RedirectDial is how servers that the target redirects to are reached;
	// nil: as the target is.
	RedirectDial *dial.Options
	TLS          tlscheck.Options // ALPN is set by this package
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
type StatusRange = visit.StatusRange

// BodyRules is what the last answer's body must be. What is unset asks nothing.
type BodyRules struct {
	Contains   string
	Matches    []*regexp.Regexp // each must match
	NotMatches []*regexp.Regexp // none may match
	JSON       *celcheck.Expression
	JSONNot    *celcheck.Expression
}

// Any tells whether anything is asked of the body.
func (b *BodyRules) Any() bool {
	return b.Contains != "" || len(b.Matches)+len(b.NotMatches) > 0 || b.JSON != nil || b.JSONNot != nil
}

// A HeaderRule is what a header of the last answer must be.
type HeaderRule struct {
	Name         string
	Matches      *regexp.Regexp // one of its values must match; nil asks nothing
	NotMatches   *regexp.Regexp // none of its values may match; nil asks nothing
	AllowMissing bool           // an answer without the header is good
}

// Encryption is whether the last answer must come over TLS. Both demands
// together are met by none.
type Encryption int

// What may be demanded of the last answer.
const (
	WithTLS Encryption = 1 << iota
	WithoutTLS

	AnyEncryption Encryption = 0
)
