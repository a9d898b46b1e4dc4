package probe

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// MarshalJSON writes the result for programs: snake_case keys, seconds as
// numbers, certificates by what people ask of them.
func (r Result) MarshalJSON() ([]byte, error) {
	type step struct {
		Step
		Offset   float64 `json:"offset_seconds"`
		Duration float64 `json:"duration_seconds"`
	}
	out := struct {
		Name       string       `json:"name,omitempty"`
		Target     string       `json:"target"`
		Start      time.Time    `json:"start"`
		Duration   float64      `json:"duration_seconds"`
		Timeout    float64      `json:"timeout_seconds,omitempty"`
		Success    bool         `json:"success"`
		Reason     Reason       `json:"reason,omitempty"`
		Phase      Phase        `json:"phase,omitempty"`
		Error      string       `json:"error,omitempty"`
		Unmeasured string       `json:"unmeasured,omitempty"`
		Faults     []string     `json:"faults,omitempty"`
		Hops       []hopJSON    `json:"hops,omitempty"`
		Metrics    []sampleJSON `json:"metrics,omitempty"`
		Steps      []step       `json:"steps,omitempty"`
	}{
		Name: r.Name, Target: r.Target, Start: r.Start, Duration: r.Duration.Seconds(), Timeout: r.Timeout.Seconds(),
		Success: r.Success, Reason: r.Reason, Phase: r.Phase, Faults: r.Faults,
	}
	if r.Err != nil {
		out.Error = r.Err.Error()
	}
	if r.Unmeasured != nil {
		out.Unmeasured = r.Unmeasured.Error()
	}
	for i := range r.Hops {
		out.Hops = append(out.Hops, hopForJSON(&r.Hops[i]))
	}
	for _, s := range r.Samples {
		out.Metrics = append(out.Metrics, sampleForJSON(s))
	}
	for _, s := range r.Steps {
		out.Steps = append(out.Steps, step{Step: s, Offset: s.Offset.Seconds(), Duration: s.Duration.Seconds()})
	}
	return json.Marshal(out)
}

type sampleJSON struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
	Value  float64           `json:"value"`
}

func sampleForJSON(s Sample) sampleJSON {
	out := sampleJSON{Name: s.Family.Name, Value: s.Value}
	for i, name := range s.Family.Labels {
		if out.Labels == nil {
			out.Labels = make(map[string]string, len(s.Family.Labels))
		}
		out.Labels[name] = s.Labels[i]
	}
	return out
}

type hopJSON struct {
	URL     string            `json:"url"`
	Found   []netip.Addr      `json:"found,omitempty"`
	Address string            `json:"address,omitempty"`
	Status  int               `json:"status,omitempty"`
	Proto   string            `json:"protocol,omitempty"`
	Phases  map[Phase]float64 `json:"phases_seconds,omitempty"`
	TLS     *Handshake        `json:"tls,omitempty"`
}

// A Handshake is what people ask of what a server showed: a TLS without the
// certificates themselves.
type Handshake struct {
	ServerName   string        `json:"server_name"`
	Version      string        `json:"version"` // empty, as cipher, when no handshake came about
	Cipher       string        `json:"cipher"`
	Accepts      []string      `json:"accepted_versions,omitempty"`
	Verified     bool          `json:"verified"`
	ChainExpiry  *time.Time    `json:"chain_expiry,omitempty"` // nil when no chain verifies
	Problems     []Problem     `json:"problems,omitempty"`
	Warnings     []Warned      `json:"warnings,omitempty"`
	Staple       *Staple       `json:"ocsp_staple,omitempty"`
	CoveredBy    string        `json:"covered_by,omitempty"`
	Certificates []Certificate `json:"certificates"`
}

// Handshake tells of t.
func (t *TLS) Handshake() *Handshake {
	out := &Handshake{
		ServerName: t.ServerName,
		Verified:   len(t.Problems) == 0, Problems: t.Problems, Warnings: t.Warnings, Staple: t.Staple,
		CoveredBy: (*Redactor)(nil).Text(t.CoveredBy),
	}
	if t.Version != 0 {
		out.Version, out.Cipher = tls.VersionName(t.Version), CipherName(t.CipherSuite)
	}
	for _, v := range slices.Sorted(maps.Keys(t.Accepts)) {
		if t.Accepts[v] {
			out.Accepts = append(out.Accepts, tls.VersionName(v))
		}
	}
	if end, ok := t.LastChainExpiry(); ok {
		out.ChainExpiry = &end
	}
	for _, c := range t.Certificates {
		out.Certificates = append(out.Certificates, Describe(c))
	}
	return out
}

func hopForJSON(h *Hop) hopJSON {
	out := hopJSON{URL: h.URL, Found: h.Found, Status: h.Status, Proto: h.Proto, TLS: h.Shown()}
	if h.Address.IsValid() {
		out.Address = h.Address.String()
	}
	for p, d := range h.Phases {
		if out.Phases == nil {
			out.Phases = make(map[Phase]float64, len(h.Phases))
		}
		out.Phases[p] = d.Seconds()
	}
	return out
}

// Shown tells what the server showed of itself in TLS, whoever saw it; nil for
// nothing.
func (h *Hop) Shown() *Handshake {
	if h.TLS != nil {
		return h.TLS.Handshake()
	}
	return h.Told
}

// A Certificate is what people ask of a certificate.
type Certificate struct {
	Subject     string    `json:"subject"`
	Issuer      string    `json:"issuer"`
	Serial      string    `json:"serial"`
	SHA256      string    `json:"fingerprint_sha256"`
	NotBefore   time.Time `json:"not_before"`
	NotAfter    time.Time `json:"not_after"`
	Names       []string  `json:"names,omitempty"`
	Key         string    `json:"key"`
	SignedBy    string    `json:"signature_algorithm"`
	IsAuthority bool      `json:"is_authority"`
}

// Describe returns what people ask of c. It may quote what a server sent.
func Describe(c *x509.Certificate) Certificate {
	clean := (*Redactor)(nil).Text
	sum := sha256.Sum256(c.Raw)
	out := Certificate{
		Subject: clean(c.Subject.String()), Issuer: clean(c.Issuer.String()),
		Serial: hex.EncodeToString(c.SerialNumber.Bytes()), SHA256: hex.EncodeToString(sum[:]),
		NotBefore: c.NotBefore, NotAfter: c.NotAfter,
		Key: KeyType(c), SignedBy: c.SignatureAlgorithm.String(), IsAuthority: c.IsCA,
	}
	for i, name := range c.DNSNames {
		if i == maxNames {
			break
		}
		out.Names = append(out.Names, clean(name))
	}
	for i, ip := range c.IPAddresses {
		if i == maxNames {
			break
		}
		out.Names = append(out.Names, ip.String())
	}
	return out
}

// maxNames bounds how many names of a certificate are told.
const maxNames = 100

// KeyType says the type and the size of a certificate's key.
func KeyType(c *x509.Certificate) string {
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	default:
		return c.PublicKeyAlgorithm.String()
	}
}
