package debian

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// maxLine is how long a line may be for its value to be read. Only values
// that nobody asks for (long lists of files) are longer in practice.
const maxLine = 64 << 10

// A Scanner reads the stanzas of a control file (Debian Policy, 5.1) one by
// one: dpkg's status, apt's Packages, Release and preferences. Of each stanza
// it keeps the fields that are wanted, and of those the first line; so a file
// of any length costs the memory of one line.
//
// A line that is no field is passed over and told by Err at the end. Lines
// that begin with # are comments, as in apt's own files; those of an OpenPGP
// armour are passed over.
type Scanner struct {
	in        *bufio.Reader
	fields    [][]byte
	spans     []span // of the wanted fields' values, in values
	values    []byte
	line      int
	malformed error // the first malformed line
	failed    error
}

// span is where a value lies; the zero span is no value.
type span struct {
	from, to int
	found    bool
}

// NewScanner returns a Scanner of r that keeps the fields of these names. The
// case of a field's name does not matter.
func NewScanner(r io.Reader, fields ...string) *Scanner {
	s := &Scanner{in: bufio.NewReaderSize(r, maxLine), spans: make([]span, len(fields))}
	for _, f := range fields {
		s.fields = append(s.fields, []byte(f))
	}
	return s
}

// Scan goes to the next stanza and tells whether there is one. The stanza in
// which reading failed is none: its last value may be cut.
func (s *Scanner) Scan() bool {
	clear(s.spans)
	s.values = s.values[:0]
	begun := false
	for {
		line, whole, err := s.readLine()
		switch {
		case err != nil && !errors.Is(err, io.EOF):
			s.failed = fmt.Errorf("line %d: %w", s.line, err)
			return false
		case err != nil && len(line) == 0:
			return begun
		case len(line) == 0:
			if begun {
				return true
			}
		case line[0] == ' ', line[0] == '\t', line[0] == '#', bytes.HasPrefix(line, []byte("-----")):
		default:
			begun = true
			s.take(line, whole)
		}
	}
}

// readLine returns the next line without its end, and whether that is all of
// it. It is valid until the next call.
func (s *Scanner) readLine() (line []byte, whole bool, err error) {
	line, err = s.in.ReadSlice('\n')
	s.line++
	if !errors.Is(err, bufio.ErrBufferFull) {
		return bytes.TrimRight(line, "\r\n"), true, err
	}
	// What is left of a line that is too long is thrown away. Reading on
	// overwrites the buffer, so its beginning is copied.
	line = bytes.Clone(line[:80])
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = s.in.ReadSlice('\n')
	}
	return line, false, err
}

// take keeps a field's value, if it is wanted.
func (s *Scanner) take(line []byte, whole bool) {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		s.complain(line)
		return
	}
	for i, name := range s.fields {
		if len(name) != colon || !bytes.EqualFold(name, line[:colon]) || s.spans[i].found {
			continue
		}
		if !whole {
			s.complain(line)
			return
		}
		from := len(s.values)
		s.values = append(s.values, bytes.TrimSpace(line[colon+1:])...)
		s.spans[i] = span{from, len(s.values), true}
		return
	}
}

func (s *Scanner) complain(line []byte) {
	if s.malformed == nil {
		s.malformed = fmt.Errorf("line %d: malformed: %s", s.line, strconv.Quote(string(line[:min(len(line), 80)])))
	}
}

// Value returns the value of the wanted field number i in this stanza, without
// white space around it; nil if the stanza lacks it. It is valid until the
// next Scan.
func (s *Scanner) Value(i int) []byte {
	at := s.spans[i]
	if !at.found {
		return nil
	}
	return s.values[at.from:at.to:at.to]
}

// Text returns the same as a string.
func (s *Scanner) Text(i int) string { return string(s.Value(i)) }

// Err returns what went wrong until now: a failure to read, and the first
// malformed line.
func (s *Scanner) Err() error { return errors.Join(s.failed, s.malformed) }
