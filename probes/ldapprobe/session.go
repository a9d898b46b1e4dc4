package ldapprobe

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"tocsin/probes/probe"
	"tocsin/probes/stream"
)

// session is a connection on which LDAP is spoken.
type session struct {
	ctx    context.Context
	frames *frames
	client *ldap.Conn
	stop   func() bool
}

// begin speaks LDAP on conn, which runs on raw, until ctx ends.
func begin(ctx context.Context, conn, raw net.Conn) *session {
	s := &session{ctx: ctx, frames: newFrames(conn), stop: stream.Bound(ctx, raw)}
	s.client = ldap.NewConn(s.frames, conn != raw)
	if deadline, ok := ctx.Deadline(); ok {
		s.client.SetTimeout(max(time.Until(deadline), time.Millisecond)) // 0 would be none
	}
	s.client.Start()
	return s
}

func (s *session) end() {
	s.stop()
	_ = s.frames.Close() // first, so that nothing waits for a server that is silent
	_ = s.client.Close() // the connection is closed already
}

// ask does one operation and returns the result code that came, and what the
// server said to it; or else an error, which is a probe.Failure or
// probe.Unmeasured.
func (s *session) ask(doing string, do func() error) (code uint16, said string, err error) {
	// The library checks what it reads; should it trip over an answer all the
	// same, that is the server's fault, and not to end the program.
	defer func() {
		if x := recover(); x != nil {
			err = probe.Fail(probe.Protocol, probe.PhaseProcessing, fmt.Errorf("while %s the server's answer could not be read: %v", doing, x))
		}
	}()
	failed := do()
	if failed == nil {
		return ldap.LDAPResultSuccess, "", nil
	}
	var answer *ldap.Error
	if errors.As(failed, &answer) && answer.ResultCode < ldap.ErrorNetwork {
		if answer.Err != nil && answer.Err.Error() != "" {
			said = fmt.Sprintf(" (%s)", answer.Err)
		}
		return answer.ResultCode, said, nil
	}
	if ended := s.frames.ended(); ended != nil {
		failed = ended
	}
	if errors.Is(failed, errBounds) {
		return 0, "", probe.Fail(probe.TooLarge, probe.PhaseProcessing, failed)
	}
	return 0, "", stream.Broken(s.ctx, probe.PhaseProcessing, doing, failed)
}

// maxContexts bounds the naming contexts that are told.
const maxContexts = 32

// root asks what the server tells of itself, to everybody.
//
// Source: RFC 4512, section 5.1.
func (l *look) root(s *session) error {
	began := time.Now()
	request := ldap.NewSearchRequest("", ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false,
		"(objectClass=*)", []string{"namingContexts"}, nil)
	var found *ldap.SearchResult
	code, said, err := s.ask("asking what the server tells of itself", func() (err error) {
		found, err = s.client.Search(request)
		return err
	})
	if err != nil {
		return l.step(began, err, "")
	}
	l.result.Send(resultInfo, 1, opRoot, name(code))
	if code != ldap.LDAPResultSuccess && code != ldap.LDAPResultSizeLimitExceeded {
		err := fmt.Errorf("the server tells nothing of itself: %s%s%s", name(code), said, meaning(code))
		if l.Base == "" {
			err = probe.Fail(reason(code), probe.PhaseProcessing, err)
			return l.step(began, err, "")
		}
		return l.step(began, nil, err.Error()) // the search decides
	}
	for _, e := range found.Entries {
		for _, c := range e.GetAttributeValues("namingContexts") {
			if c != "" && !slices.Contains(l.contexts, c) && len(l.contexts) < maxContexts {
				l.contexts = append(l.contexts, c)
				l.result.Send(namingContext, 1, probe.Label(c))
			}
		}
	}
	text := "the server does not name what it holds"
	if len(l.contexts) > 0 {
		text = "the server holds " + strings.Join(l.contexts, " and ")
	}
	return l.step(began, nil, text)
}

// search looks for what must be found.
func (l *look) search(s *session) error {
	began := time.Now()
	// No attributes are wanted (1.1, RFC 4511, section 4.5.1.8).
	request := ldap.NewSearchRequest(l.Base, l.Scope, ldap.NeverDerefAliases, max(l.Entries, maxEntries), 0, false,
		l.Filter, []string{"1.1"}, nil)
	var found *ldap.SearchResult
	code, said, err := s.ask("searching", func() (err error) {
		found, err = s.client.Search(request)
		return err
	})
	l.result.Hops[0].Phases[probe.PhaseTransfer] = time.Since(began)
	if err != nil {
		return l.step(began, err, "")
	}
	l.result.Send(resultInfo, 1, opSearch, name(code))
	n := 0
	if found != nil {
		n = len(found.Entries)
	}
	l.result.Send(entries, float64(n))
	enough := n >= l.Entries
	text := fmt.Sprintf("search in %s for %s: %s%s, %s", l.Base, l.Filter, name(code), said, probe.Count(n, "entry", "entries"))
	switch {
	// A server's own limit is none of ours: what came may be enough.
	case enough && (code == ldap.LDAPResultSuccess || code == ldap.LDAPResultSizeLimitExceeded || code == ldap.LDAPResultAdminLimitExceeded):
		return l.step(began, nil, text)
	case code == ldap.LDAPResultSuccess, code == ldap.LDAPResultSizeLimitExceeded:
		return l.step(began, probe.Fail(probe.Body, probe.PhaseTransfer, fmt.Errorf("%s, and at least %d must be found: they are not there, or this user may not see them", text, l.Entries)), "")
	default:
		return l.step(began, probe.Fail(reason(code), probe.PhaseTransfer, errors.New(text+meaning(code))), "")
	}
}

// tryPlaintext sends a made-up password without TLS, as somebody's badly
// configured program would: a server that looks at it has let it be overheard.
func (l *look) tryPlaintext(ctx context.Context) error {
	began := time.Now()
	conn, _, err := l.Dial.TCP(ctx, l.Host, l.Port)
	if err != nil {
		return l.step(began, err, "")
	}
	defer conn.Close()
	s := begin(ctx, conn, conn)
	defer s.end()
	// Under a base, so that limits of one database count, too.
	who := "cn=tocsin-probe"
	if l.Base != "" {
		who += "," + l.Base
	} else if len(l.contexts) > 0 {
		who += "," + l.contexts[0]
	}
	const doing = "trying a bind without TLS"
	code, said, err := s.ask(doing, func() error { return s.client.Bind(who, rand.Text()) })
	if f, ok := errors.AsType[*probe.Failure](err); ok && f.Reason == probe.Reset {
		l.result.Send(plaintextAccepted, 0)
		return l.step(began, nil, doing+": the server closes the connection, as it may")
	}
	if err != nil {
		return l.step(began, err, "")
	}
	l.result.Send(resultInfo, 1, opPlaintext, name(code))
	text := fmt.Sprintf("%s, as %s: %s%s", doing, who, name(code), said)
	switch code {
	case ldap.LDAPResultConfidentialityRequired, ldap.LDAPResultStrongAuthRequired, ldap.LDAPResultUnwillingToPerform,
		ldap.LDAPResultAuthMethodNotSupported, ldap.LDAPResultInappropriateAuthentication:
		l.result.Send(plaintextAccepted, 0)
		return l.step(began, nil, text+", as it must")
	case ldap.LDAPResultSuccess, ldap.LDAPResultInvalidCredentials, ldap.LDAPResultNoSuchObject, ldap.LDAPResultInvalidDNSyntax,
		ldap.LDAPResultConstraintViolation:
		l.result.Send(plaintextAccepted, 1)
		return l.step(began, probe.Fail(probe.PlaintextAuth, probe.PhaseProcessing, fmt.Errorf(
			"%s: the server takes passwords without TLS, and must answer confidentialityRequired (OpenLDAP: olcSecurity: simple_bind=128)", text)), "")
	default:
		return l.step(began, probe.Fail(reason(code), probe.PhaseProcessing, fmt.Errorf("%s: so nobody can tell whether it takes passwords without TLS", text)), "")
	}
}
