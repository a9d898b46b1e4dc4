package maildns

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// What receivers do to evaluate SPF. Source: RFC 7208, section 4.6.4.
const (
	maxLookups     = 10
	maxVoidLookups = 2
	// maxFollowed bounds how far we go beyond what receivers do, to say how
	// many look-ups there are.
	maxFollowed = 40
)

// spf looks at who may send in the name of the domain.
func (l *look) spf(ctx context.Context) (present bool, err error) {
	text, present, ok, err := l.one(ctx, SPF, "", l.domain, isSPF)
	if !ok {
		return present, err
	}
	s, unread := parseSPF(text)
	if unread != nil {
		l.wrong(SPF, "", Syntax, unread.Error())
	}
	e := &evaluation{look: l, path: map[string]bool{l.domain: true}}
	all, err := e.walk(ctx, l.domain, s)
	if err != nil {
		return false, err
	}
	if unread == nil {
		l.result.Send(spfLookups, float64(e.lookups))
		l.result.Send(spfAll, 1, cmp.Or(all, "none"))
	}
	if e.lookups > maxLookups {
		words := fmt.Sprintf("it takes %d", e.lookups)
		if e.lookups >= maxFollowed {
			words = fmt.Sprintf("it takes %d or more", e.lookups)
		}
		l.wrong(SPF, "", Lookups, words)
	}
	switch nowhere := strings.Join(e.nowhere, ", "); {
	case e.void > maxVoidLookups && nowhere != "":
		l.wrong(SPF, "", VoidLookups, fmt.Sprintf("%d of them; %s", e.void, nowhere))
	case e.void > maxVoidLookups:
		l.wrong(SPF, "", VoidLookups, fmt.Sprintf("%d of them", e.void))
	case nowhere != "":
		l.wrong(SPF, "", Unresolved, nowhere)
	}
	if all == "pass" {
		l.wrong(SPF, "", AllowsAll, "+all")
	}
	return true, nil
}

// evaluation counts what it takes a receiver to evaluate a record, if none of
// its terms matches.
type evaluation struct {
	look    *look
	lookups int
	void    int             // those that led nowhere
	nowhere []string        // the terms among them in which the domain itself names another
	path    map[string]bool // the records that include this one
	told    faults          // what is wrong with those that are included
}

// walk goes through a record and those that it includes. It returns what is
// said of servers that no term names; empty: nothing.
func (e *evaluation) walk(ctx context.Context, domain string, s *spf) (all string, err error) {
	for i := range s.terms {
		t := &s.terms[i]
		if !t.asksDNS() {
			continue
		}
		if e.lookups++; e.lookups >= maxFollowed {
			return s.all, nil
		}
		name := cmp.Or(t.domain, domain)
		if strings.Contains(name, "%") {
			continue // depends on who sends
		}
		switch t.mechanism {
		case "include":
			_, err = e.follow(ctx, name, "includes")
		case "a":
			err = e.count(ctx, t, name, dns.TypeA)
		case "mx":
			err = e.count(ctx, t, name, dns.TypeMX)
		}
		if err != nil {
			return "", err
		}
	}
	if s.redirect == "" {
		return s.all, nil
	}
	if e.lookups++; e.lookups >= maxFollowed || strings.Contains(s.redirect, "%") {
		return "", nil
	}
	return e.follow(ctx, s.redirect, "redirects to")
}

// count asks whether a look-up leads anywhere.
func (e *evaluation) count(ctx context.Context, t *spfTerm, name string, qtype uint16) error {
	n := 0
	var err error
	if qtype == dns.TypeA {
		n, err = e.look.dns.addresses(ctx, name)
	} else {
		var records []dns.RR
		records, err = e.look.dns.ask(ctx, name, qtype)
		n = len(records)
	}
	if err == nil && n == 0 {
		e.void++
		if t.domain != "" && len(e.path) == 1 { // what others name is theirs to mend
			e.nowhere = append(e.nowhere, t.mechanism+":"+t.domain)
		}
	}
	return err
}

// follow reads the record of another domain. What is wrong with it is wrong
// with ours: receivers end with an error.
func (e *evaluation) follow(ctx context.Context, name, how string) (all string, err error) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	texts, err := e.look.dns.texts(ctx, name)
	if err != nil {
		return "", err
	}
	var found []string
	for _, t := range texts {
		if isSPF(t) {
			found = append(found, t)
		}
	}
	switch {
	case len(found) == 0:
		e.tell(Unresolved, fmt.Sprintf("it %s %s, which has no SPF record", how, name))
		return "", nil
	case len(found) > 1:
		e.tell(Several, fmt.Sprintf("it %s %s, which has %d SPF records", how, name, len(found)))
		return "", nil
	case e.path[name]:
		e.tell(Lookups, fmt.Sprintf("it %s %s, which leads in a circle", how, name))
		return "", nil
	}
	s, err := parseSPF(found[0])
	if err != nil {
		e.tell(Syntax, fmt.Sprintf("it %s %s, whose record cannot be read: %v", how, name, err))
		return "", nil
	}
	e.path[name] = true
	defer delete(e.path, name)
	return e.walk(ctx, name, s)
}

// tell notes a problem of an included record, once, and so many at most.
func (e *evaluation) tell(p Problem, text string) {
	before := len(e.told)
	if e.told.addf("%s", text); len(e.told) > before && before < maxFaults {
		e.look.wrong(SPF, "", p, text)
	}
}
