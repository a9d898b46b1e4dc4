package access

import (
	"net"
	"strings"

	"tocsin/internal/problem"
)

// Config is the section web of the site file. Without it Tocsin speaks plain
// HTTP, everybody who reaches it may read, and only programs on the same
// machine may write.
type Config struct {
	TLS TLS `yaml:"tls,omitempty"`
	// UsersFile names the users who may ask, with their bcrypt hashes: lines
	// name:hash as htpasswd -B writes them, or the key basic_auth_users of an
	// exporter's web configuration. Once set, reading needs a user as well.
	UsersFile string `yaml:"users_file,omitempty"`
	// Writers are those of the users who may also write (silence, reload);
	// none named: all may. Where client certificates stand for users, these
	// are the certificates' common names.
	Writers []string `yaml:"writers,omitempty"`
	// Hosts are further names under which this instance is asked. Once set,
	// all others are refused to whoever brings no credentials.
	Hosts []string `yaml:"hosts,omitempty"`
}

// TLS is the listener's own certificate, and whose certificates it accepts.
// The files are read again when they change.
type TLS struct {
	CertFile string `yaml:"cert_file,omitempty"`
	KeyFile  string `yaml:"key_file,omitempty"`
	// ClientCAFile has the authorities that client certificates come from.
	ClientCAFile string `yaml:"client_ca_file,omitempty"`
	// ClientAuth is require (the default) or verify_if_given.
	ClientAuth string `yaml:"client_auth,omitempty"`
	// MinVersion is 1.2 (the default) or 1.3.
	MinVersion string `yaml:"min_version,omitempty"`
}

// The values of ClientAuth.
const (
	clientRequire       = "require"
	clientVerifyIfGiven = "verify_if_given"
)

// Enabled tells whether the listener speaks TLS.
func (t TLS) Enabled() bool { return t.CertFile != "" }

// SetDefaults fills what the site file left out.
func (c *Config) SetDefaults() {
	if c.TLS.ClientCAFile != "" && c.TLS.ClientAuth == "" {
		c.TLS.ClientAuth = clientRequire
	}
	if c.TLS.Enabled() && c.TLS.MinVersion == "" {
		c.TLS.MinVersion = "1.2"
	}
}

// Validate adds what is wrong with the section. It opens no file: New does.
func (c *Config) Validate(p problem.List) {
	c.TLS.validate(p.At("tls"))
	if len(c.Writers) > 0 && c.UsersFile == "" && c.TLS.ClientCAFile == "" {
		p.At("writers").Addf("there are no users to choose writers from; set users_file, or tls.client_ca_file")
	}
	for i, name := range c.Writers {
		if strings.TrimSpace(name) == "" {
			p.At("writers").Index(i).Addf("the name is empty; write a name of users_file")
		}
	}
	for i, host := range c.Hosts {
		if reason := badHost(host); reason != "" {
			p.At("hosts").Index(i).Addf("%q %s; write a host's name alone, as guet.ville.example", host, reason)
		}
	}
}

func (t TLS) validate(p problem.List) {
	switch {
	case t.CertFile != "" && t.KeyFile == "":
		p.At("key_file").Addf("a certificate needs its key; set key_file to the PEM file with the private key")
	case t.CertFile == "" && t.KeyFile != "":
		p.At("cert_file").Addf("a key needs its certificate; set cert_file to the PEM file with the certificate chain")
	case t.CertFile == "" && t.ClientCAFile != "":
		p.At("cert_file").Addf("client certificates need TLS; set cert_file and key_file, or remove client_ca_file")
	}
	switch t.ClientAuth {
	case "":
	case clientRequire, clientVerifyIfGiven:
		if t.ClientCAFile == "" {
			p.At("client_auth").Addf("there is no authority to check client certificates with; set client_ca_file")
		}
	default:
		p.At("client_auth").Addf("%q is unknown; write %s or %s", t.ClientAuth, clientRequire, clientVerifyIfGiven)
	}
	switch t.MinVersion {
	case "", "1.2", "1.3":
	default:
		p.At("min_version").Addf(`%q is no TLS version that is served; write "1.2" or "1.3"`, t.MinVersion)
	}
}

// badHost says what keeps a string from being a host's name.
func badHost(host string) string {
	switch {
	case host == "":
		return "is empty"
	case strings.Contains(host, "://"):
		return "is a URL"
	case strings.ContainsAny(host, "/ \t@"):
		return "is not a host's name"
	case strings.Contains(host, "*"):
		return "has a wildcard, which is not supported"
	case net.ParseIP(host) == nil && strings.Contains(host, ":"):
		return "has a port"
	default:
		return ""
	}
}
