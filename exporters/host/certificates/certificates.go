package certificates

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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
	validFrom = &frame.Family{
		Name: "tocsin_host_certificate_name_not_before_timestamp_seconds", Labels: []string{"service", "file", "covers"},
		Help: "From when the newest certificate of a file is valid for each name or address that it covers, as the label asked of probe_hop_certificate_info is written; of a certificate the first 256, and 5000 in all.",
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

	mu      sync.Mutex // guards explain
	explain string
}

// New returns the collector of the machine whose files lie under root.
func New(root string, cfg Config) frame.Collector { return &collector{root: root, cfg: cfg} }

// Name implements frame.Collector.
func (c *collector) Name() string { return "certificates" }

// Families implements frame.Collector.
func (c *collector) Families() []*frame.Family {
	return []*frame.Family{expiry, info, validFrom, readable}
}

// Explain implements frame.Explainer.
func (c *collector) Explain() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.explain
}

// Collect implements frame.Collector. A file that cannot be read costs its own
// metrics; those with the same certificates of one service are told once. That
// a path is known to its service alone is no failure: Explain tells it.
func (c *collector) Collect(ctx context.Context, s *frame.Sink) error {
	all := find(c.root)
	files, errs := all.files, all.errs
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
	c.tell(s, all.unknown)
	if len(files)+len(errs)+len(all.unknown) == 0 {
		return frame.ErrNoData
	}
	told := map[found]bool{}
	names := 0
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if told[f] {
			continue
		}
		told[f] = true
		certs, err := c.open(f.path, passwords[f.path])
		if all.keys[f] && errors.Is(err, errKeyAlone) {
			continue
		}
		s.Send(readable, truth(err == nil), f.service, f.path)
		if err != nil {
			errs = append(errs, err)
		}
		send(s, f, certs)
		names += sendNames(s, f, certs, maxNames-names)
	}
	if names == maxNames {
		errs = append(errs, fmt.Errorf("the certificates cover more than %d names; those beyond are not compared with what is served", maxNames))
	}
	return errors.Join(errs...)
}

// tell says which files cannot be watched because nobody but their services
// knows where they are.
func (c *collector) tell(s *frame.Sink, unknown []found) {
	var words []string
	for _, f := range unknown {
		s.Send(readable, 0, f.service, bounded(f.path))
		words = append(words, f.service+": "+f.path)
	}
	text := ""
	if len(words) > 0 {
		text = "not watched, since only the service knows where it is; name the files under host.certificates.files: " + strings.Join(words[:min(len(words), 5)], "; ")
		if len(words) > 5 {
			text += fmt.Sprintf("; and %d more", len(words)-5)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.explain = bounded(text)
}

func (c *collector) open(path string, password secret.Source) ([]*x509.Certificate, error) {
	content, err := read(filepath.Join(c.root, path), maxFile)
	if err != nil {
		return nil, inside(path, err)
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

const (
	maxNames       = 5000 // of all certificates
	maxNamesOfEach = 256
)

// sendNames tells from when a file covers each name, no more of them than
// room, and returns how many it told.
func sendNames(s *frame.Sink, f found, certs []*x509.Certificate, room int) int {
	newest := map[string]time.Time{}
	for _, c := range certs {
		names := slices.Clone(c.DNSNames)
		for _, address := range c.IPAddresses {
			names = append(names, address.String())
		}
		for _, name := range names[:min(len(names), maxNamesOfEach)] {
			name = bounded(strings.ToLower(name))
			if old, known := newest[name]; known && !c.NotBefore.After(old) || !known && len(newest) == room {
				continue
			}
			newest[name] = c.NotBefore
		}
	}
	for name, from := range newest {
		s.Send(validFrom, float64(from.Unix()), f.service, f.path, name)
	}
	return len(newest)
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

// maxLabel is the one of probes.
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
