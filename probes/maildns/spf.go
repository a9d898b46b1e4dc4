package maildns

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"tocsin/internal/lazy"
)

// maxTerms bounds how many terms of an SPF record are looked at.
const maxTerms = 200

// spf is an SPF record taken apart. Source: RFC 7208, sections 4.6 and 5.
type spf struct {
	terms    []spfTerm // up to all, which ends the evaluation
	redirect string    // empty: none, or all makes it void
	all      string    // what is said of everybody else: pass, fail, softfail, neutral; empty: nothing
}

// spfTerm is a mechanism.
type spfTerm struct {
	mechanism string
	domain    string // as written; empty: the record's own
}

// asksDNS tells whether to evaluate the term takes a look-up that counts.
func (t *spfTerm) asksDNS() bool {
	switch t.mechanism {
	case "include", "a", "mx", "ptr", "exists":
		return true
	default:
		return false
	}
}

// isSPF tells whether a TXT record is an SPF record.
func isSPF(text string) bool {
	rest, ok := cutPrefixFold(text, "v=spf1")
	return ok && (rest == "" || rest[0] == ' ')
}

var modifier = lazy.Regexp(`^[A-Za-z][A-Za-z0-9_.-]*=`)

// parseSPF reads an SPF record. Its error says all that is wrong with it; the
// terms that are right are returned all the same.
func parseSPF(text string) (*spf, error) {
	rest, ok := cutPrefixFold(text, "v=spf1")
	if !ok {
		return &spf{}, errors.New("it does not begin with v=spf1")
	}
	s, seen := &spf{}, map[string]bool{}
	words := strings.FieldsFunc(rest, func(r rune) bool { return r == ' ' })
	if len(words) > maxTerms {
		return s, fmt.Errorf("it has %d terms", len(words))
	}
	var wrong faults
	for _, word := range words {
		var err error
		if name := modifier().FindString(word); name != "" {
			err = s.modifier(strings.ToLower(strings.TrimSuffix(name, "=")), word[len(name):], seen)
		} else {
			err = s.mechanism(word)
		}
		if err != nil {
			wrong.addf("%q: %v", word, err)
		}
	}
	if s.all != "" {
		s.redirect = ""
	}
	return s, wrong.err()
}

func (s *spf) modifier(name, value string, seen map[string]bool) error {
	if name != "redirect" && name != "exp" {
		return macros(value) // unknown ones are ignored, if they are well-formed
	}
	if seen[name] {
		return fmt.Errorf("%s= stands in it twice", name)
	}
	seen[name] = true
	if err := domainSpec(value); err != nil {
		return err
	}
	if name == "redirect" {
		s.redirect = value
	}
	return nil
}

func (s *spf) mechanism(word string) error {
	result := "pass"
	switch word[0] {
	case '+':
		word = word[1:]
	case '-':
		result, word = "fail", word[1:]
	case '~':
		result, word = "softfail", word[1:]
	case '?':
		result, word = "neutral", word[1:]
	}
	end := strings.IndexAny(word, ":/")
	if end < 0 {
		end = len(word)
	}
	name, argument := strings.ToLower(word[:end]), word[end:]
	t := spfTerm{mechanism: name}
	var err error
	switch name {
	case "all":
		if argument != "" {
			err = errors.New("all has nothing behind it")
		}
		if s.all == "" {
			s.all = result
		}
		return err
	case "include", "exists":
		t.domain = strings.TrimPrefix(argument, ":")
		err = domainSpec(t.domain)
	case "a", "mx":
		t.domain, err = withPrefixes(argument)
	case "ptr":
		if t.domain = strings.TrimPrefix(argument, ":"); argument != "" {
			err = domainSpec(t.domain)
		}
	case "ip4", "ip6":
		err = network(strings.TrimPrefix(argument, ":"), name == "ip4")
	default:
		err = errors.New("there is no such mechanism")
	}
	if err == nil && s.all == "" {
		s.terms = append(s.terms, t)
	}
	return err
}

var prefixes = lazy.Regexp(`^(?::(.*?))?(?:/([0-9]{1,3}))?(?://([0-9]{1,3}))?$`)

// withPrefixes reads what stands behind a and mx: a domain, and how many bits
// of an address must agree.
func withPrefixes(argument string) (domain string, err error) {
	m := prefixes().FindStringSubmatch(argument)
	if m == nil {
		return "", errors.New("what is behind it is no domain and no prefix length")
	}
	for i, longest := range []int{32, 128} {
		if n, _ := strconv.Atoi(m[2+i]); n > longest {
			return "", fmt.Errorf("a prefix has %d bits at most", longest)
		}
	}
	if strings.HasPrefix(argument, ":") {
		return m[1], domainSpec(m[1])
	}
	return "", nil
}

func network(text string, four bool) error {
	address, bits, hasBits := strings.Cut(text, "/")
	a, err := netip.ParseAddr(address)
	if err != nil || a.Zone() != "" || a.Is4() != four {
		return errors.New("it is no IP address of that family")
	}
	if hasBits {
		if n, err := strconv.ParseUint(bits, 10, 8); err != nil || int(n) > a.BitLen() {
			return errors.New("its prefix length is none")
		}
	}
	return nil
}

// A name ends with a dot and a label that is no number, or with a macro.
// Source: RFC 7208, section 7.1, domain-end.
var (
	domainEnd = lazy.Regexp(`(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.?|%[%_-]|\})$`)
	allDigits = lazy.Regexp(`\.[0-9]+\.?$`)
)

// domainSpec looks at a name that may have macros in it.
func domainSpec(text string) error {
	switch {
	case text == "":
		return errors.New("a domain is missing")
	case len(text) > 253:
		return errors.New("its domain is too long")
	case !domainEnd().MatchString(text) || allDigits().MatchString(text):
		return errors.New("its domain is no full name")
	}
	return macros(text)
}

var macro = lazy.Regexp(`%(?:[%_-]|\{[slodiphcrtvSLODIPHCRTV][0-9]{0,3}[rR]?[.+,/_=-]*\})`)

func macros(text string) error {
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("it has letters that are not ASCII")
	}
	if strings.Contains(macro().ReplaceAllString(text, ""), "%") {
		return errors.New("it has a % that begins no macro")
	}
	return nil
}

func cutPrefixFold(text, prefix string) (string, bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return text, false
	}
	return text[len(prefix):], true
}
