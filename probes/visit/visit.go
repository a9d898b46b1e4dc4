package visit

import (
	"context"
	"net/http"
	"net/url"

	"tocsin/internal/frame"
	"tocsin/probes/probe"
)

// A Request is one thing to ask for.
type Request struct {
	Method string // empty is GET
	URL    *url.URL
	// Header and Body are sent to URL's own host only, never to another one
	// that it redirects to.
	Header http.Header
	Body   []byte
	// Accept is sent to every host; empty is what a browser accepts.
	Accept string
	// Stay takes a redirect for the answer.
	Stay bool
	// MaxBody bounds how much of the body is read; 0 is the prober's own
	// bound. More is a failure, unless Cut lets it be cut off.
	MaxBody int64
	Cut     bool
}

// An Answer is what came last, and the way to it.
type Answer struct {
	URL    *url.URL // of the last answer
	Status int
	Header http.Header
	Body   []byte
	// Way is all answers, the last too; Cookies are the values of Set-Cookie
	// of all of them.
	Way     []Hop
	Cookies []string
	// Verified tells whether all certificates on the way were good.
	Verified bool
}

// A Hop is one answer on the way.
type Hop struct {
	URL    *url.URL
	Status int
}

// A Visitor makes requests, each on a connection of its own. Cookies live as
// long as it does, which is one look; none is sent to another host than the one
// that set it.
type Visitor interface {
	// Visit makes a request and follows its redirects. Any status is an
	// answer. Its error is a probe.Failure or probe.Unmeasured.
	Visit(ctx context.Context, q Request) (*Answer, error)
	// Hide takes secrets out of all texts of the result.
	Hide(secrets ...string)
	// Head begins a part of the account of the look; Note adds a remark to it.
	Head(text string)
	Note(failed bool, text string)
}

// A Check looks at what a Visitor brings.
type Check interface {
	// Families lists all that Look sends.
	Families() []*frame.Family
	// Look asks further, judges, and sends its samples into r. page is the
	// answer that the prober has judged already, nil where it asked nothing
	// before. Its error is a probe.Failure or probe.Unmeasured; samples may be
	// sent all the same.
	Look(ctx context.Context, v Visitor, page *Answer, r *probe.Result) error
}
