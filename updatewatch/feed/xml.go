package feed

import (
	"bytes"
	"fmt"
	"strings"

	"tocsin/internal/lazy"
)

// place is where in a document the scanner stands.
type place int

const (
	inText     place = iota
	afterOpen        // <
	inBang           // <! and what decides what it is
	inStart          // inside a start tag, outside values
	afterEqual       // = and spaces, before a value
	inValue          // inside quotes
	inBare           // a value without quotes
	inEnd            // </ to >
	inComment        // <!-- to -->
	inCDATA          // <![CDATA[ to ]]>
	inPI             // <? to ?>
)

// xmlScan follows an XML document byte by byte.
type xmlScan struct {
	limits *Limits
	at     place
	quote  byte
	last   [2]byte // the two bytes before, inside asides; the parser's own way to see their ends
	held   []byte  // of a name or an instruction, as far as it is needed
	slash  bool    // the byte before, in a start tag, was /

	depth, elements, entries, asides int
	row                              int   // asides since the last tag
	attributes                       int   // of the element that is being opened, its name counted
	namespaces                       int   // in scope
	own                              int   // declared by the element that is being opened
	declared                         []int // by each open element
}

func hostile(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrHostile, fmt.Sprintf(format, args...))
}

func (s *xmlScan) follow(b []byte) error {
	for i := 0; i < len(b); i++ {
		if s.at == inText || s.at == inValue { // nearly all bytes are here
			stop := byte('<')
			if s.at == inValue {
				stop = s.quote
			}
			j := bytes.IndexByte(b[i:], stop)
			if j < 0 {
				return nil
			}
			i += j
		}
		if err := s.step(b[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *xmlScan) step(c byte) error {
	switch s.at {
	case inText: // c is <
		s.at = afterOpen
	case inValue: // c is the quote
		s.at = inStart
	case afterOpen:
		return s.opened(c)
	case inBang:
		return s.bang(c)
	case inStart, afterEqual, inBare:
		return s.tag(c)
	case inEnd:
		switch c {
		case '>':
			s.close()
			s.at = inText
		case '<', '"', '\'', '=':
			return hostile("an end tag with %q in it", c)
		}
	case inComment:
		s.aside(c, "--", c == '>')
	case inCDATA:
		s.aside(c, "]]", c == '>')
	case inPI:
		return s.instruction(c)
	}
	return nil
}

// opened looks at the byte behind <.
func (s *xmlScan) opened(c byte) error {
	s.held, s.last = s.held[:0], [2]byte{}
	switch {
	case c == '/':
		s.at, s.row = inEnd, 0
	case c == '!':
		s.at = inBang
	case c == '?':
		s.at = inPI
		return s.countAside()
	case nameStart(c):
		s.at, s.slash, s.attributes, s.own, s.row = inStart, false, 0, 0, 0
		s.held = append(s.held, c)
		s.elements++
		s.depth++
		if s.depth > s.limits.Depth {
			return hostile("more than %d elements in each other", s.limits.Depth)
		}
		if s.elements > s.limits.Elements {
			return hostile("more than %d elements", s.limits.Elements)
		}
	default:
		return fmt.Errorf("%w: a < that begins nothing", ErrNoFeed)
	}
	return nil
}

func nameStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == ':' || c >= 0x80
}

// bang looks at what follows <!: a comment, a CDATA section, and nothing else.
func (s *xmlScan) bang(c byte) error {
	s.held = append(s.held, c)
	switch text := string(s.held); {
	case text == "--":
		s.at = inComment
	case text == "[CDATA[":
		s.at = inCDATA
	case strings.HasPrefix("--", text), strings.HasPrefix("[CDATA[", text):
		return nil
	default:
		return hostile("it has a document type, as HTML pages have, or another declaration")
	}
	s.last = [2]byte{}
	return s.countAside()
}

func (s *xmlScan) countAside() error {
	if s.asides++; s.asides > s.limits.Asides {
		return hostile("more than %d comments, CDATA sections and instructions", s.limits.Asides)
	}
	if s.row++; s.row > s.limits.Row {
		return hostile("more than %d comments, CDATA sections and instructions in a row", s.limits.Row)
	}
	return nil
}

// aside waits for the end of a comment or a CDATA section: two bytes and >.
func (s *xmlScan) aside(c byte, end string, last bool) {
	if last && s.last[0] == end[0] && s.last[1] == end[1] {
		s.at = inText
		return
	}
	s.last = [2]byte{s.last[1], c}
}

// instruction keeps a processing instruction until its end, and looks at the
// encoding that the XML declaration names.
func (s *xmlScan) instruction(c byte) error {
	if c == '>' && len(s.held) > 0 && s.held[len(s.held)-1] == '?' {
		s.at = inText
		return encodingAllowed(string(s.held))
	}
	if s.held = append(s.held, c); len(s.held) > s.limits.Aside {
		return hostile("a processing instruction of more than %d bytes", s.limits.Aside)
	}
	return nil
}

// encodingAllowed refuses, in an XML declaration, an encoding in which the
// bytes of markup could mean something else than to the guard.
func encodingAllowed(instruction string) error {
	if !strings.HasPrefix(strings.ToLower(instruction), "xml") {
		return nil
	}
	named := encodings().FindAllStringSubmatch(instruction, -1)
	if len(named) != strings.Count(strings.ToLower(instruction), "encoding") {
		return hostile("an XML declaration that cannot be read")
	}
	for _, m := range named {
		if !singleByte().MatchString(m[1]) {
			return hostile("the encoding %.20q", m[1])
		}
	}
	return nil
}

var (
	encodings  = lazy.Regexp(`encoding\s*=\s*["']([^"']*)["']`)
	singleByte = lazy.Regexp(`(?i)^(utf-?8|us-ascii|ascii|iso-8859-[0-9]{1,2}|latin1|windows-125[0-9])$`)
)
