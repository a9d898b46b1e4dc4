package feed

import (
	"bytes"
	"context"
	"fmt"
	"io"
)

// guard stands between the network and the parser. It hands on what it has
// followed and found harmless; after its first error it hands on nothing.
//
// It must never see less depth or fewer elements than the parser will, so it
// refuses everything that the two could read differently: where encoding/xml
// is lenient, the guard is not.
type guard struct {
	ctx    context.Context
	from   io.Reader
	limits Limits
	err    error
	read   int64
	form   form // what the first byte says it is
	xml    xmlScan
	json   jsonScan
}

type form int

const (
	unknown form = iota
	isXML
	isJSON
)

func newGuard(ctx context.Context, r io.Reader, l Limits) *guard {
	g := &guard{ctx: ctx, from: r, limits: l}
	g.xml.limits, g.json.limits = &g.limits, &g.limits
	return g
}

// Read implements io.Reader.
func (g *guard) Read(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	if err := g.ctx.Err(); err != nil {
		g.err = err
		return 0, err
	}
	n, err := g.from.Read(p)
	g.read += int64(n)
	if g.read > g.limits.Bytes {
		g.err = fmt.Errorf("%w: more than %d bytes", ErrTooLarge, g.limits.Bytes)
		return 0, g.err
	}
	if bad := g.follow(p[:n]); bad != nil {
		g.err = bad
		return 0, bad
	}
	if err != nil {
		g.err = err
	}
	return n, err
}

// byteOrderMark may stand before a UTF-8 document.
const byteOrderMark = "\xef\xbb\xbf"

func (g *guard) follow(b []byte) error {
	// The parser drops control characters: what they part would close up
	// behind the guard's back.
	for i, c := range b {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			if c == 0 {
				return fmt.Errorf("%w: it has zero bytes, as UTF-16 has", ErrHostile)
			}
			b[i] = ' '
		}
	}
	if g.form == unknown {
		start := bytes.TrimLeft(b, byteOrderMark+" \t\n\r")
		if len(start) == 0 {
			return nil
		}
		switch start[0] {
		case '<':
			g.form = isXML
		case '{':
			g.form = isJSON
		default:
			return fmt.Errorf("%w: it begins with neither < nor {", ErrNoFeed)
		}
		b = start
	}
	if g.form == isJSON {
		return g.json.follow(b)
	}
	return g.xml.follow(b)
}
