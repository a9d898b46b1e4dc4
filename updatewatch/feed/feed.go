package feed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mmcdole/gofeed"
)

// An Entry is what a feed says of one release. Its texts are a stranger's.
type Entry struct {
	ID        string
	Title     string
	Link      string
	Text      string    // what it says of itself, at most 64 kB
	Published time.Time // zero where it does not say when
}

// maxText bounds what is kept of an entry's text.
const maxText = 64 << 10

// Parse reads a feed, in the order in which it stands there. It reads no
// further than limits allow, and returns within limits.Time. A feed without
// entries is no error.
func Parse(ctx context.Context, r io.Reader, limits Limits) ([]Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, limits.Time)
	defer cancel()
	g := newGuard(ctx, r, limits)
	type outcome struct {
		feed *gofeed.Feed
		err  error
	}
	done := make(chan outcome, 1)
	go func() { // ends soon after ctx: the guard reads no more then
		var o outcome
		defer func() {
			if p := recover(); p != nil {
				o = outcome{err: fmt.Errorf("%w: the parser gave up: %v", ErrHostile, p)}
			}
			done <- o
		}()
		o.feed, o.err = gofeed.NewParser().Parse(g)
	}()
	var o outcome
	select {
	case o = <-done:
	case <-ctx.Done():
		return nil, fmt.Errorf("read feed: %w", ctx.Err())
	}
	if o.err != nil {
		return nil, fmt.Errorf("read feed: %w", reason(g, o.err))
	}
	if n := len(o.feed.Items); n > limits.Entries { // of JSON; the guard counts those of XML
		return nil, fmt.Errorf("read feed: %w", hostile("more than %d entries", limits.Entries))
	}
	return entries(o.feed), nil
}

// reason prefers what the guard found to what the parser made of it.
func reason(g *guard, err error) error {
	for _, known := range []error{ErrTooLarge, ErrHostile, ErrNoFeed, context.DeadlineExceeded, context.Canceled} {
		switch {
		case errors.Is(g.err, known):
			return g.err
		case errors.Is(err, known):
			return err
		}
	}
	if g.err != nil && !errors.Is(g.err, io.EOF) {
		return g.err // the connection broke
	}
	return fmt.Errorf("%w, or it breaks off: %.200s", ErrNoFeed, err.Error())
}

func entries(f *gofeed.Feed) []Entry {
	all := make([]Entry, 0, len(f.Items))
	for _, item := range f.Items {
		e := Entry{
			ID: cut(item.GUID, 2048), Title: cut(item.Title, 1024), Link: cut(item.Link, 2048),
			Text: cut(cmp.Or(item.Content, item.Description), maxText),
		}
		if at := cmp.Or(item.PublishedParsed, item.UpdatedParsed); at != nil {
			e.Published = *at
		}
		all = append(all, e)
	}
	return all
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.Clone(strings.ToValidUTF8(s[:n], "")) // the whole must not be kept for it
}
