package tlscheck

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
	"weak"
)

// maxRoots bounds the file of authorities; the whole of Debian's is 220 kB.
const maxRoots = 8 << 20

// Roots are the authorities that certificates are verified against: those of
// one PEM file, and no others. A file that was changed is read again. Nil
// stands for the system's own.
type Roots struct {
	file string

	mu      sync.Mutex // guards what follows
	size    int64
	changed time.Time
	pool    *x509.CertPool
	certs   []*x509.Certificate
}

// shared are the roots of each file that somebody uses: a site has thousands of
// probes and one authority of its own.
var shared = struct {
	sync.Mutex
	byFile map[string]weak.Pointer[Roots]
}{byFile: map[string]weak.Pointer[Roots]{}}

// LoadRoots reads the authorities of a file; for an empty name it returns nil.
// Who asks for the same file gets the same.
func LoadRoots(file string) (*Roots, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // nil Roots are the system's own
	}
	shared.Lock()
	defer shared.Unlock()
	r := shared.byFile[file].Value()
	if r == nil {
		r = &Roots{file: file}
	}
	if err := r.refresh(); err != nil {
		return nil, err
	}
	shared.byFile[file] = weak.Make(r)
	return r, nil
}

// NewRoots returns roots of certificates at hand.
func NewRoots(certs ...*x509.Certificate) *Roots {
	r := &Roots{pool: x509.NewCertPool(), certs: certs}
	for _, c := range certs {
		r.pool.AddCert(c)
	}
	return r
}

// current returns the authorities as the file has them now. While the file
// cannot be read those read before are used.
func (r *Roots) current() (*x509.CertPool, []*x509.Certificate) {
	if r == nil {
		return nil, nil
	}
	if r.file != "" {
		_ = r.refresh() // those read before stay
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pool, r.certs
}

// refresh reads the file unless it is as it was.
func (r *Roots) refresh() error {
	info, err := os.Stat(r.file)
	if err != nil {
		return fmt.Errorf("read authorities: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pool != nil && info.Size() == r.size && info.ModTime().Equal(r.changed) {
		return nil
	}
	certs, err := readCertificates(r.file)
	if err != nil {
		return err
	}
	r.pool = x509.NewCertPool()
	for _, c := range certs {
		r.pool.AddCert(c)
	}
	r.certs, r.size, r.changed = certs, info.Size(), info.ModTime()
	return nil
}

// ParseRoots reads authorities of a PEM text.
func ParseRoots(text []byte) (*Roots, error) {
	certs := parseCertificates(text)
	if len(certs) == 0 {
		return nil, errors.New("holds no PEM certificate (-----BEGIN CERTIFICATE-----)")
	}
	return NewRoots(certs...), nil
}

func readCertificates(file string) ([]*x509.Certificate, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read authorities: %w", err)
	}
	defer f.Close()
	rest, err := io.ReadAll(io.LimitReader(f, maxRoots+1))
	if err != nil {
		return nil, fmt.Errorf("read authorities: %w", err)
	}
	if len(rest) > maxRoots {
		return nil, fmt.Errorf("read authorities: %s is larger than %d bytes", file, maxRoots)
	}
	certs := parseCertificates(rest)
	if len(certs) == 0 {
		return nil, fmt.Errorf("read authorities: %s holds no PEM certificate (-----BEGIN CERTIFICATE-----)", file)
	}
	return certs, nil
}

func parseCertificates(rest []byte) []*x509.Certificate {
	var certs []*x509.Certificate
	for {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		// One that cannot be parsed does no harm to the others: the system's
		// own bundle has had some.
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			certs = append(certs, c)
		}
	}
	return certs
}
