package starttls

import (
	"bufio"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
)

// Source: RFC 6120, sections 4 and 5.
func (t *talk) xmpp(namespace string) error {
	var to strings.Builder
	_ = xml.EscapeText(&to, []byte(t.name)) // a Builder takes all
	if err := t.say("<?xml version='1.0'?><stream:stream xmlns='" + namespace + "' xmlns:stream='http://etherx.jabber.org/streams' to='" + to.String() + "' version='1.0'>"); err != nil {
		return err
	}
	if first, err := t.in.Peek(1); err != nil {
		return err
	} else if !strings.Contains("< \t\r\n", string(first)) {
		said, _ := t.in.Peek(min(t.in.Buffered(), 60)) // it is there already
		return strange("the server does not answer as XMPP does: %q", said)
	}
	s := newStream(t.in)
	if err := s.begins(); err != nil {
		return err
	}
	features, err := s.next()
	switch {
	case err != nil:
		return err
	case features.is("error"):
		return features.refusal(t.name)
	case !features.is("features"):
		return strange("the server answers with <%s>, not with its features", features.XMLName.Local)
	case !features.has("starttls"):
		return refused("the server offers no STARTTLS; its features are: %s", features.names())
	}
	if err := t.say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"); err != nil {
		return err
	}
	answer, err := s.next()
	switch {
	case err != nil:
		return err
	case answer.is("proceed"):
		return nil
	case answer.is("error"):
		return answer.refusal(t.name)
	default:
		return refused("the server answers STARTTLS with <%s>", answer.XMLName.Local)
	}
}

// An element is a part of a stream, as <stream:features>.
type element struct {
	XMLName  xml.Name
	Text     string    `xml:",chardata"`
	Children []element `xml:",any"`
}

func (e *element) is(name string) bool { return e.XMLName.Local == name }

func (e *element) has(name string) bool {
	return slices.ContainsFunc(e.Children, func(c element) bool { return c.is(name) })
}

// names lists what an element holds, for the words of an error.
func (e *element) names() string {
	var names []string
	for _, c := range e.Children {
		names = append(names, c.XMLName.Local)
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}

// refusal puts a stream's error into words. Source: RFC 6120, section 4.9.
func (e *element) refusal(asked string) error {
	var said string
	for _, c := range e.Children {
		if c.is("text") {
			said += ": " + c.Text
		} else {
			said = c.XMLName.Local + said
		}
	}
	if e.has("host-unknown") {
		return refused("the server does not serve %q; write the domain that it serves in server_name (it says %q)", asked, said)
	}
	return refused("the server ends the stream before TLS; it says %q", said)
}

// A stream reads a server's elements, and no byte after them.
type stream struct {
	in      *bounded
	decoder *xml.Decoder
}

func newStream(in *bufio.Reader) *stream {
	b := &bounded{in: in, left: maxWhole}
	return &stream{b, xml.NewDecoder(b)}
}

// begins reads up to the elements.
func (s *stream) begins() error {
	root, err := s.start()
	if err == nil && root.Name.Local != "stream" {
		err = strange("the server answers with <%s>, not with a stream of XMPP", root.Name.Local)
	}
	return err
}

func (s *stream) next() (*element, error) {
	start, err := s.start()
	if err != nil {
		return nil, err
	}
	e := &element{}
	return e, s.explain(s.decoder.DecodeElement(e, &start))
}

// start reads up to where the next element begins.
func (s *stream) start() (xml.StartElement, error) {
	for {
		token, err := s.decoder.Token()
		if err != nil {
			return xml.StartElement{}, s.explain(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			return token, nil
		case xml.EndElement:
			return xml.StartElement{}, strange("the server ends the stream before TLS")
		default: // the declaration, white space
		}
	}
}

// explain prefers why nothing more could be read to that the XML breaks off.
func (s *stream) explain(err error) error {
	if err != nil && s.in.err != nil {
		return s.in.err
	}
	return err
}

// bounded hands on so many bytes, one by one: a decoder reads no further than
// it must of what has ReadByte.
type bounded struct {
	in   *bufio.Reader
	left int
	err  error // why it ended
}

// ReadByte implements io.ByteReader.
func (b *bounded) ReadByte() (byte, error) {
	if b.left == 0 {
		b.err = strange("the server said more than %d bytes", maxWhole)
		return 0, b.err
	}
	b.left--
	c, err := b.in.ReadByte()
	b.err = err
	return c, err
}

// Read implements io.Reader, which the decoder does not call.
func (b *bounded) Read([]byte) (int, error) { return 0, errors.ErrUnsupported }

var _ io.ByteReader = (*bounded)(nil)
