package feed

// jsonScan follows a JSON document byte by byte: its depth and its size in
// values, which decide what the parser makes of it.
type jsonScan struct {
	limits   *Limits
	quoted   bool
	escaped  bool
	depth    int
	elements int
}

func (s *jsonScan) follow(b []byte) error {
	for _, c := range b {
		switch {
		case s.escaped:
			s.escaped = false
		case s.quoted && c == '\\':
			s.escaped = true
		case c == '"':
			s.quoted = !s.quoted
		case s.quoted:
		case c == '{' || c == '[':
			if s.depth++; s.depth > s.limits.Depth {
				return hostile("more than %d values in each other", s.limits.Depth)
			}
			if err := s.count(); err != nil {
				return err
			}
		case c == '}' || c == ']':
			s.depth--
		case c == ',':
			if err := s.count(); err != nil {
				return err
			}
		}
	}
	return nil
}

// jsonShare: a JSON value costs the parser more than an XML element does.
const jsonShare = 2

func (s *jsonScan) count() error {
	if s.elements++; s.elements > s.limits.Elements/jsonShare {
		return hostile("more than %d values", s.limits.Elements/jsonShare)
	}
	return nil
}
