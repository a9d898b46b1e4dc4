package feed

import (
	"errors"
	"time"
)

// Limits are what a feed may ask of us. Real feeds stay far below all of them:
// GitHub's largest have 10 entries in 60 kB.
type Limits struct {
	Bytes      int64         // after decompression
	Time       time.Duration // of the parse, reading included
	Depth      int           // of elements in each other, or of JSON values
	Elements   int           // in all; JSON objects and values likewise
	Entries    int           // announced releases
	Attributes int           // of one element
	Namespaces int           // declared by an element and those around it
	Asides     int           // CDATA sections, comments and processing instructions
	Row        int           // of them without a tag between: the parser's work grows with the square
	Aside      int           // bytes of one processing instruction
}

// DefaultLimits suit every feed of releases that is known.
func DefaultLimits() Limits {
	return Limits{
		Bytes: 8 << 20, Time: 10 * time.Second, Depth: 64, Elements: 60_000, Entries: 2000,
		Attributes: 64, Namespaces: 32, Asides: 6000, Row: 16, Aside: 4096,
	}
}

// What is behind the errors of Parse.
var (
	// ErrTooLarge: it has more bytes than a feed may have.
	ErrTooLarge = errors.New("the feed is too large")
	// ErrHostile: it is built as no feed is: too deep, too many parts, a
	// document type, an encoding that could hide markup.
	ErrHostile = errors.New("the feed is built as no feed is")
	// ErrNoFeed: it is something else (an HTML page, nothing), or broken off.
	ErrNoFeed = errors.New("this is no feed")
)
