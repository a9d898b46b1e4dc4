package tlscheck

import (
	"crypto/tls"
	"fmt"
	"strings"

	"tocsin/internal/problem"
)

// Config is the part of a probe's entry in the site file that all protocols
// with TLS share.
type Config struct {
	// CAFile has the authorities to trust in place of the system's.
	CAFile string `yaml:"ca_file,omitempty"`
	// ServerName is the name to ask for and to verify in TLS.
	ServerName string `yaml:"server_name,omitempty"`
	// InsecureSkipVerify takes any certificate for good. What is wrong with
	// it is still measured; the probe no longer fails for it.
	InsecureSkipVerify bool `yaml:"insecure_skip_verify,omitempty"`
	// CertFile is the certificate that the probe shows the server, with those
	// between it and its authority.
	CertFile string `yaml:"cert_file,omitempty"`
	// KeyFile is the private key that belongs to `cert_file`.
	KeyFile string `yaml:"key_file,omitempty"`
	// TLSMinVersion is the oldest TLS that is good: 1.0, 1.1, 1.2 or 1.3.
	TLSMinVersion string `yaml:"tls_min_version,omitempty"`
	// TLSMaxVersion is the newest TLS that is offered, to see whether the
	// server still takes an old one.
	TLSMaxVersion string `yaml:"tls_max_version,omitempty"`
	// TLSVersions also asks which versions of TLS the server takes, from 1.0 to
	// 1.3, each in a handshake of its own, once an hour.
	TLSVersions bool `yaml:"tls_versions,omitempty"`
}

// Validate adds what is wrong with the keys. It touches nothing outside.
func (c *Config) Validate(p problem.List) {
	if strings.ContainsAny(c.ServerName, ":/ ") {
		p.At("server_name").Addf("is no host name; write the name alone, as portail.ville.example")
	}
	switch {
	case c.CertFile != "" && c.KeyFile == "":
		p.At("key_file").Addf("is missing; a certificate is shown together with its private key")
	case c.CertFile == "" && c.KeyFile != "":
		p.At("cert_file").Addf("is missing; a private key is used together with its certificate")
	}
	oldest, okMin := parseVersion(c.TLSMinVersion)
	newest, okMax := parseVersion(c.TLSMaxVersion)
	const which = `is no version of TLS; write "1.0", "1.1", "1.2" or "1.3"`
	if !okMin {
		p.At("tls_min_version").Addf(which)
	}
	if !okMax {
		p.At("tls_max_version").Addf(which)
	}
	if oldest == 0 {
		oldest = tls.VersionTLS12
	}
	if okMin && okMax && newest != 0 && newest < oldest {
		hint := ""
		if c.TLSMinVersion == "" {
			hint = fmt.Sprintf("; without tls_min_version it is 1.2, so write tls_min_version: %q beside it", c.TLSMaxVersion)
		}
		p.At("tls_max_version").Addf("%s is older than the oldest version that is good%s", c.TLSMaxVersion, hint)
	}
}

// Options reads the files that the keys name. Its error begins with the key.
func (c *Config) Options() (Options, error) {
	o := Options{ServerName: c.ServerName, SkipVerify: c.InsecureSkipVerify, Memo: NewMemo()}
	var err error
	if o.Roots, err = LoadRoots(c.CAFile); err != nil {
		return o, fmt.Errorf("ca_file: %w", err)
	}
	if o.Client, err = LoadClient(c.CertFile, c.KeyFile); err != nil {
		return o, err
	}
	if c.TLSVersions {
		o.Versions = &Versions{}
	}
	o.MinVersion, _ = parseVersion(c.TLSMinVersion) // Validate has seen to it
	o.MaxVersion, _ = parseVersion(c.TLSMaxVersion)
	return o, nil
}

// parseVersion reads a TLS version, as 1.2 or as blackbox_exporter's TLS12. It
// is 0 for none, and false for what is no version.
func parseVersion(text string) (uint16, bool) {
	switch text {
	case "":
		return 0, true
	case "1.0", "TLS10":
		return tls.VersionTLS10, true
	case "1.1", "TLS11":
		return tls.VersionTLS11, true
	case "1.2", "TLS12":
		return tls.VersionTLS12, true
	case "1.3", "TLS13":
		return tls.VersionTLS13, true
	default:
		return 0, false
	}
}
