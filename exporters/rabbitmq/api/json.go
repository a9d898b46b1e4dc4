package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"tocsin/internal/frame"
)

const (
	maxAnswer = 16 << 20 // bytes of one document or page of a list
	maxDepth  = 32       // of nested objects and lists; the API has 8
	pageSize  = 500      // the most that the API gives
	maxPages  = 400

	// MaxQueues is how many queues a broker may have to be asked for a list of
	// them. RabbitMQ looks at all of them for each page, so that twice as many cost
	// four times as much (30,000: 45 s of its processor), and once more to sort
	// them (30,000: 2 to 12 s for one page); without pages it takes 25 KB of
	// memory for each.
	MaxQueues = 20_000
)

// Get asks the management API for one document, as /api/overview, with the
// given columns only, and decodes it.
func (c *Client) Get(ctx context.Context, path string, columns []string, into any) error {
	doc, err := c.document(ctx, path, query(columns))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer doc.Close()
	if err := json.NewDecoder(doc).Decode(into); err != nil {
		return fmt.Errorf("%s: %w", path, undecoded(err))
	}
	return nil
}

// Each asks the management API for a list, as /api/queues, page after page,
// and hands over its items one by one. Only the newest is in memory. It ends
// with an error of do, which it returns as it is.
func Each[T any](ctx context.Context, c *Client, path string, columns []string, do func(*T) error) error {
	q := query(columns)
	q.Set("page_size", strconv.Itoa(pageSize))
	for page, pages := 1, 1; page <= pages; page++ {
		q.Set("page", strconv.Itoa(page))
		var err error
		if pages, err = eachOf(ctx, c, path, q, do); err != nil {
			return onPath(path, err)
		}
		if pages > maxPages {
			return fmt.Errorf("%s: it has more than %d items, too many to ask for", path, pageSize*maxPages)
		}
	}
	return nil
}

// Whole is Each for a list that is asked for at once, because a broker answers
// its pages with an error, as RabbitMQ 4.0 does those of /api/vhosts.
func Whole[T any](ctx context.Context, c *Client, path string, columns []string, do func(*T) error) error {
	_, err := eachOf(ctx, c, path, query(columns), do)
	return onPath(path, err)
}

// onPath says where an error happened, unless it is the caller's own.
func onPath(path string, err error) error {
	if own, ok := errors.AsType[*doing](err); ok {
		return own.err
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// doing is an error of Each's caller.
type doing struct{ err error }

func (d *doing) Error() string { return d.err.Error() }

// eachOf reads one page and returns how many there are. A path without pages,
// as /api/nodes, answers with the bare list.
func eachOf[T any](ctx context.Context, c *Client, path string, q url.Values, do func(*T) error) (pages int, err error) {
	doc, err := c.document(ctx, path, q)
	if err != nil {
		return 0, err
	}
	defer doc.Close()
	d := json.NewDecoder(doc)
	first, err := d.Token()
	switch {
	case err != nil:
		return 0, undecoded(err)
	case first == json.Delim('['):
		return 1, items(d, do)
	case first != json.Delim('{'):
		return 0, frame.Fail(frame.ReasonError, errors.New("its answer is no list"))
	}
	found := false
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return 0, undecoded(err)
		}
		switch key {
		case "items":
			if t, err := d.Token(); err != nil || t != json.Delim('[') {
				return 0, undecoded(errors.Join(err, errors.New("no list")))
			}
			found = true
			err = items(d, do)
		case "page_count":
			err = undecoded(d.Decode(&pages))
		default:
			err = undecoded(d.Decode(new(json.RawMessage)))
		}
		if err != nil {
			return 0, err
		}
	}
	if _, err := d.Token(); err != nil {
		return 0, undecoded(err)
	}
	if !found {
		return 0, frame.Fail(frame.ReasonError, errors.New("its answer is no list"))
	}
	return pages, nil
}

// items reads a list to its end.
func items[T any](d *json.Decoder, do func(*T) error) error {
	for d.More() {
		var item T
		if err := d.Decode(&item); err != nil {
			return undecoded(err)
		}
		if err := do(&item); err != nil {
			return &doing{err}
		}
	}
	_, err := d.Token()
	return undecoded(err)
}

func query(columns []string) url.Values {
	q := url.Values{}
	if len(columns) > 0 {
		q.Set("columns", strings.Join(columns, ","))
	}
	return q
}

// document opens an answer that must be JSON.
func (c *Client) document(ctx context.Context, path string, q url.Values) (io.ReadCloser, error) {
	answer, err := c.Open(ctx, path, q, "application/json", maxAnswer)
	if err != nil {
		return nil, err
	}
	r := bufio.NewReader(&shallow{r: answer})
	begin, err := r.Peek(64)
	if err != nil && !errors.Is(err, io.EOF) {
		_ = answer.Close() // it is none
		return nil, undecoded(err)
	}
	begin = bytes.TrimLeft(begin, " \t\r\n\ufeff")
	if len(begin) > 0 && begin[0] == '<' {
		_ = answer.Close() // it is none
		return nil, frame.Fail(frame.ReasonRefused,
			errors.New("it answers with a web page (HTML) in place of JSON; does the URL lead to the management API, as http://127.0.0.1:15672, past a proxy's log-in?"))
	}
	return struct {
		io.Reader
		io.Closer
	}{r, answer}, nil
}

// undecoded says what keeps an answer from being read, and not what it holds.
func undecoded(err error) error {
	var given *frame.Error
	var typ *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &given):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return frame.Fail(frame.ReasonError, errors.New("its answer ends in the middle of the JSON"))
	case errors.As(err, &typ):
		return frame.Fail(frame.ReasonError, fmt.Errorf("its answer has a %s as %s, which this version does not understand", typ.Value, strings.TrimPrefix(typ.Field, ".")))
	}
	return frame.Fail(frame.ReasonError, errors.New("its answer is no JSON"))
}

// shallow is a reader of JSON that refuses to go deeper than maxDepth.
type shallow struct {
	r               io.Reader
	depth           int
	inText, escaped bool
}

// Read implements io.Reader.
func (s *shallow) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	for _, b := range p[:n] {
		switch {
		case s.escaped:
			s.escaped = false
		case s.inText && b == '\\':
			s.escaped = true
		case b == '"':
			s.inText = !s.inText
		case s.inText:
		case b == '{' || b == '[':
			if s.depth++; s.depth > maxDepth {
				return 0, frame.Fail(frame.ReasonError, fmt.Errorf("its answer is nested deeper than %d levels", maxDepth))
			}
		case b == '}' || b == ']':
			s.depth--
		}
	}
	return n, err
}
