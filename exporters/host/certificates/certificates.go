package certificates

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/secret"
)

// Every is the collector's own clock.
const Every = time.Minute

var (
	expiry = &frame.Family{
		Name: "tocsin_host_certificate_expiry_timestamp_seconds", Labels: []string{"service", "file", "name"},
		Help: "When a certificate ends that a service is configured with (service is the Debian package's, or empty for a file that the site names).",
	}
	info = &frame.Family{
		Name: "tocsin_host_certificate_info", Labels: []string{"service", "file", "name", "fingerprint_sha256", "subjectalternative"},
		Help: "The certificate that a service is configured with; its fingerprint and names are written as in probe_ssl_last_chain_info.",
	}
	readable = &frame.Family{
		Name: "tocsin_host_certificate_file_readable", Labels: []string{"service", "file"},
		Help: "Whether the file of a certificate could be read; the status page says why one could not.",
	}
)

// collector is the collector certificates.
type collector struct {
	root string
	cfg  Config
}

// New returns the collector of the machine whose files lie under root.
func New(root string, cfg Config) frame.Collector { return &collector{root, cfg} }

// Name implements frame.Collector.
func (c *collector) Name() string { return "certificates" }

// Families implements frame.Collector.
func (c *collector) Families() []*frame.Family { return []*frame.Family{expiry, info, readable} }

// Collect implements frame.Collector. A file that cannot be read costs its own
// metrics; those with the same certificates of one service are told once.
func (c *collector) Collect(ctx context.Context, s *frame.Sink) error {
	files, err := find(c.root)
	errs := []error{err}
	passwords := map[string]secret.Source{}
	for _, k := range c.cfg.Keystores {
		passwords[k.File] = k.source()
		files = append(files, found{"", k.File})
	}
	for _, pattern := range c.cfg.Files {
		matches, _ := filepath.Glob(filepath.Join(c.root, pattern)) // Validate has tried it
		if len(matches) == 0 {
			matches = []string{pattern}
		}
		for _, m := range matches[:min(len(matches), maxFiles)] {
			files = append(files, found{"", filepath.Join("/", strings.TrimPrefix(m, strings.TrimSuffix(c.root, "/")))})
		}
	}
	if len(files) == 0 && err == nil {
		return frame.ErrNoData
	}
	told := map[found]bool{}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if told[f] {
			continue
		}
		told[f] = true
		certs, err := c.open(f.path, passwords[f.path])
		s.Send(readable, truth(err == nil), f.service, f.path)
		if err != nil {
			errs = append(errs, err)
		}
		send(s, f, certs)
	}
	return errors.Join(errs...)
}

func (c *collector) open(path string, password secret.Source) ([]*x509.Certificate, error) {
	content, err := read(filepath.Join(c.root, path), maxFile)
	if err != nil {
		if file, ok := errors.AsType[*fs.PathError](err); ok {
			err = file.Err // with the path as the site knows it
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	certs, err := parse(path, content, password)
	if err != nil {
		return certs, fmt.Errorf("%s %w", path, err)
	}
	return certs, nil
}

func send(s *frame.Sink, f found, certs []*x509.Certificate) {
	newest := map[string]*x509.Certificate{} // of those that have one name, which Traefik may keep
	for _, c := range certs {
		name := nameOf(c)
		if old := newest[name]; old == nil || c.NotAfter.After(old.NotAfter) {
			newest[name] = c
		}
	}
	for name, c := range newest {
		sum := sha256.Sum256(c.Raw)
		s.Send(expiry, float64(c.NotAfter.Unix()), f.service, f.path, name)
		s.Send(info, 1, f.service, f.path, name, hex.EncodeToString(sum[:]), bounded(strings.Join(c.DNSNames, ",")))
	}
}

// nameOf is what people call a certificate.
func nameOf(c *x509.Certificate) string {
	switch {
	case len(c.DNSNames) > 0:
		return bounded(c.DNSNames[0])
	case c.Subject.CommonName != "":
		return bounded(c.Subject.CommonName)
	}
	return bounded(c.Subject.String())
}

// maxLabel is the one of probes: the names of both must be equal.
const maxLabel = 4096

func bounded(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) > maxLabel {
		text = strings.ToValidUTF8(text[:maxLabel], "") + "…"
	}
	return text
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
