package feed

import "bytes"

// longestName is how much of a name is kept: enough to know xmlns.
const longestName = 64

// tag follows a start tag behind the first byte of its name.
func (s *xmlScan) tag(c byte) error {
	space := c == ' ' || c == '\t' || c == '\n' || c == '\r'
	switch {
	case s.slash && c != '>':
		return hostile("a / within a tag")
	case c == '<':
		return hostile("a tag within a tag")
	case c == '"' || c == '\'':
		if s.at != afterEqual {
			return hostile("a quote where none belongs")
		}
		s.at, s.quote = inValue, c
		return nil
	case s.at == afterEqual && space:
		return nil
	case c == '=':
		if s.at != inStart || s.attributes == 0 && len(s.held) == 0 {
			return hostile("an = where none belongs")
		}
		s.at = afterEqual
		return s.named()
	case c == '/':
		s.slash = true
		return s.named()
	case c == '>':
		if err := s.named(); err != nil {
			return err
		}
		s.open()
		return nil
	case space:
		s.at = inStart
		return s.named()
	case s.at != inStart:
		s.at = inBare
	case len(s.held) < longestName:
		s.held = append(s.held, c)
	}
	return nil
}

// named takes a name that has ended: the element's first, then those of its
// attributes.
func (s *xmlScan) named() error {
	if s.at == inBare || len(s.held) == 0 {
		return nil
	}
	switch {
	case s.attributes == 0 && isEntry(s.held):
		if s.entries++; s.entries > s.limits.Entries {
			return hostile("more than %d entries", s.limits.Entries)
		}
	case s.attributes > 0 && bytes.HasPrefix(s.held, []byte("xmlns")):
		s.own++
	}
	s.held = s.held[:0]
	if s.attributes++; s.attributes > s.limits.Attributes+1 {
		return hostile("an element with more than %d attributes", s.limits.Attributes)
	}
	if s.namespaces+s.own > s.limits.Namespaces {
		return hostile("more than %d namespaces at one place", s.limits.Namespaces)
	}
	return nil
}

// open ends a start tag.
func (s *xmlScan) open() {
	s.at = inText
	s.namespaces += s.own
	s.declared = append(s.declared, s.own)
	if s.slash {
		s.close()
	}
}

// close ends an element.
func (s *xmlScan) close() {
	if len(s.declared) == 0 {
		return // the parser will complain
	}
	s.namespaces -= s.declared[len(s.declared)-1]
	s.declared = s.declared[:len(s.declared)-1]
	s.depth--
}

// isEntry tells whether the parser may take an element of this name for an
// entry.
func isEntry(name []byte) bool {
	local := name[bytes.LastIndexByte(name, ':')+1:]
	return bytes.EqualFold(local, []byte("item")) || bytes.EqualFold(local, []byte("entry"))
}
