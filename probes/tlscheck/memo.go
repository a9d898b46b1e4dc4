package tlscheck

import (
	"bytes"
	"crypto/x509"
	"slices"
	"sync"
	"time"

	"tocsin/probes/probe"
)

// Bounds of a memo. A good certificate is verified anew after memoAge in any
// case: the system's authorities may have changed.
const (
	memoSize = 32
	memoAge  = time.Hour
)

// A Memo remembers what was found of certificates that are good, because
// servers send the same ones each time and verifying them costs more than half
// of what a handshake does. It is not asked once anything is otherwise: the
// bytes sent, the name, the authorities trusted, or a date that has come.
// It is safe for several goroutines.
type Memo struct {
	mu    sync.Mutex // guards known
	known []memory   // the newest last
}

// memory is one thing that is known to be good.
type memory struct {
	name       string
	roots      *x509.CertPool // nil: the system's
	certs      []*x509.Certificate
	staple     []byte
	from, till time.Time
	found      probe.TLS
}

// NewMemo returns one that knows nothing.
func NewMemo() *Memo { return &Memo{} }

// judge says what there is to say of the certificates that a server called
// name sent, and of what it stapled to them. The caller may change the result,
// but not what it points to.
func (m *Memo) judge(certs []*x509.Certificate, staple []byte, name string, roots *Roots, now time.Time) *probe.TLS {
	pool, _ := roots.current()
	if found := m.recall(certs, staple, name, pool, now); found != nil {
		return found
	}
	found := &probe.TLS{ServerName: name, Certificates: certs}
	found.Chains, found.Problems = Verify(certs, name, roots, now)
	if len(certs) == 0 {
		return found
	}
	found.CoveredBy = coveredBy(certs[0], name)
	judgeStaple(found, staple, now)
	judgeKeys(found)
	if m != nil && len(found.Problems) == 0 && len(found.Warnings) == 0 {
		m.keep(&memory{name: name, roots: pool, certs: certs, staple: staple, from: now, till: holds(found, now), found: *found})
	}
	return found
}

func (m *Memo) recall(certs []*x509.Certificate, staple []byte, name string, pool *x509.CertPool, now time.Time) *probe.TLS {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range slices.Backward(m.known) {
		k := &m.known[i]
		if k.name != name || k.roots != pool || now.Before(k.from) || now.After(k.till) ||
			!bytes.Equal(k.staple, staple) || !slices.EqualFunc(k.certs, certs, (*x509.Certificate).Equal) {
			continue
		}
		found := k.found
		return &found
	}
	return nil
}

func (m *Memo) keep(k *memory) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known = slices.DeleteFunc(m.known, func(old memory) bool { return k.from.After(old.till) })
	if len(m.known) == memoSize {
		m.known = slices.Delete(m.known, 0, 1)
	}
	m.known = append(m.known, *k)
}

// holds is until when what was found of good certificates stays so: the next
// date of any of them, sent or trusted, may make another chain of them.
func holds(t *probe.TLS, now time.Time) time.Time {
	till := now.Add(memoAge)
	dates := func(c *x509.Certificate) {
		for _, date := range []time.Time{c.NotBefore, c.NotAfter} {
			if date.After(now) && date.Before(till) {
				till = date.Add(-1)
			}
		}
	}
	for _, c := range t.Certificates {
		dates(c)
	}
	for _, chain := range t.Chains {
		for _, c := range chain {
			dates(c)
		}
	}
	if t.Staple != nil && t.Staple.NextUpdate.After(now) && t.Staple.NextUpdate.Before(till) {
		till = t.Staple.NextUpdate
	}
	return till
}
