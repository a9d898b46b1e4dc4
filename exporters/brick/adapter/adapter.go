package adapter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tocsin/bricks"
	"tocsin/internal/promtext"
)

// MaxAnswer is how many bytes of an answer are read.
const MaxAnswer = 4 << 20

// maxDepth is how deep an answer may nest.
const maxDepth = 64

// A Raw is an answer as it came, or as it was recorded.
type Raw struct {
	Status  int               // of HTTP; 0 for other protocols
	Headers map[string]string // of HTTP, names in small letters
	Body    []byte
}

// An Answer is an answer as expressions read it.
type Answer struct {
	Status  int
	Headers map[string]string
	Body    any // what encoding/json makes
	// Families are the metrics of http_prometheus; in Body are only those that
	// expressions name.
	Families []*promtext.Family
	Took     time.Duration
}

// Document returns the answer as the value of .NAME in expressions.
func (a *Answer) Document() map[string]any {
	headers := make(map[string]any, len(a.Headers))
	for name, value := range a.Headers {
		headers[name] = value
	}
	return map[string]any{"status": a.Status, "headers": headers, "body": a.Body, "seconds": a.Took.Seconds()}
}

// An Asker asks one server one question. Its methods may be called from
// several goroutines.
type Asker interface {
	// Ask returns the answer as it came. Where it returns both an answer and an
	// error, a part could not be had. Errors are *Failure.
	Ask(ctx context.Context) (Raw, error)
}

// A Failure is why there is no answer, or not all of it.
type Failure struct {
	Reason bricks.Reason
	Words  string
}

// Error returns the words.
func (f *Failure) Error() string { return f.Words }

func fail(reason bricks.Reason, format string, args ...any) *Failure {
	return &Failure{Reason: reason, Words: fmt.Sprintf(format, args...)}
}

// FailureOf returns what is behind an error of this package.
func FailureOf(err error) *Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	return network(err, "")
}

// New returns what asks a request of a brick. It connects to nobody.
func New(b bricks.Brick, k bricks.Kind, name string) (Asker, error) {
	r, access := k.Requests[name], b.Requests[name]
	address := b.Address(k, name)
	if address == "" {
		return nil, fmt.Errorf("request %s has no address", name)
	}
	switch r.Adapter {
	case bricks.Redis:
		return newRedis(address, access, b.CAFile)
	case bricks.Postgres:
		return newPostgres(address, access, r)
	case bricks.UWSGI:
		if newAsker, ok := newStream(address); ok {
			return newAsker, nil
		}
	}
	return newHTTP(address, access, r, b.CAFile)
}

// Decode makes a document of an answer. wanted tells which families of
// http_prometheus expressions read.
func Decode(r bricks.Request, raw Raw, wanted func(name string) bool) (*Answer, error) {
	a := &Answer{Status: raw.Status, Headers: raw.Headers}
	var err error
	switch r.Adapter {
	case bricks.HTTPText:
		a.Body = text(raw.Body)
	case bricks.HTTPPrometheus:
		a.Families, a.Body, err = exposition(r, raw.Body, wanted)
	case bricks.NginxStatus:
		a.Body, err = stubStatus(raw.Body)
	case bricks.Redis:
		a.Body, err = info(raw.Body)
	default:
		a.Body, err = document(raw.Body)
	}
	return a, err
}
