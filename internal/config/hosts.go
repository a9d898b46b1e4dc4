package config

import (
	"errors"
	"net"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"tocsin/internal/lazy"
	"tocsin/internal/problem"
	"tocsin/internal/secret"
)

// DefaultPort is where a Tocsin listens unless told otherwise.
const DefaultPort = "10617"

// Host is another machine of the site, with a Tocsin of its own. In the file
// it is the machine's name alone, or a mapping.
type Host struct {
	// Address is where its Tocsin listens: a name or an IP address, with a
	// port if it is not 10617.
	Address string `yaml:"address"`
	// Name is what the machine is called in labels and messages; the address
	// without its port if left out.
	Name string `yaml:"name,omitempty"`
	// Instance and Job replace the labels of the host's own page ("node" and
	// its name), so that a migrated site keeps its old ones.
	Instance string `yaml:"instance,omitempty"`
	Job      string `yaml:"job,omitempty"`
	// Labels are put on everything that is measured there.
	Labels map[string]string `yaml:"labels,omitempty"`
	// TLS is true, or a mapping, where the Tocsin there speaks HTTPS.
	TLS HostTLS `yaml:"tls,omitempty"`
	// Username and Password are sent to it, where its web section has users.
	Username     string      `yaml:"username,omitempty"`
	Password     secret.Text `yaml:"password,omitempty"`
	PasswordFile string      `yaml:"password_file,omitempty"`
}

// HostTLS is how HTTPS is spoken to a host: true, or a mapping.
type HostTLS struct {
	// On is set by writing the key at all, unless it is written as false.
	On bool `yaml:"-"`
	// CAFile has the authorities that its certificate comes from; the
	// system's if left out.
	CAFile string `yaml:"ca_file,omitempty"`
	// CertFile and KeyFile are the certificate that is shown to it.
	CertFile string `yaml:"cert_file,omitempty"`
	KeyFile  string `yaml:"key_file,omitempty"`
	// ServerName is the name its certificate must bear; the address's if left
	// out.
	ServerName string `yaml:"server_name,omitempty"`
}

// Shape lets a host be a name or a mapping.
func (h *Host) Shape(kind yaml.Kind, scalar string) (any, error) {
	switch kind {
	case yaml.ScalarNode:
		h.Address = scalar
		return nil, nil
	case yaml.MappingNode:
		type plain Host
		return (*plain)(h), nil
	}
	return nil, errors.New("must be a host's name, or a mapping with address")
}

// Shape lets tls be true or a mapping.
func (t *HostTLS) Shape(kind yaml.Kind, scalar string) (any, error) {
	switch {
	case kind == yaml.ScalarNode && (scalar == "true" || scalar == "false"):
		t.On = scalar == "true"
		return nil, nil
	case kind == yaml.MappingNode:
		t.On = true
		type plain HostTLS
		return (*plain)(t), nil
	}
	return nil, errors.New("must be true, or a mapping with ca_file, cert_file, key_file, server_name")
}

// MarshalYAML writes tls as Shape reads it.
func (t HostTLS) MarshalYAML() (any, error) {
	type plain HostTLS
	switch {
	case !t.On:
		return nil, nil
	case t == HostTLS{On: true}:
		return true, nil
	}
	return plain(t), nil
}

// Secret returns where the host's password comes from.
func (h Host) Secret() secret.Source {
	return secret.Source{Value: h.Password, File: h.PasswordFile}
}

func (h *Host) setDefaults() {
	if _, _, err := net.SplitHostPort(h.Address); err != nil && h.Address != "" {
		h.Address = net.JoinHostPort(strings.Trim(h.Address, "[]"), DefaultPort)
	}
	if h.Name == "" {
		h.Name, _, _ = net.SplitHostPort(h.Address)
	}
	if h.Job == "" {
		h.Job = "node"
	}
	if h.Instance == "" {
		h.Instance = h.Name
	}
}

func (h *Host) validate(p problem.List) {
	if h.Address == "" {
		p.At("address").Addf("is missing; write the host's name or IP address")
	} else if text := badAddress(h.Address); text != "" {
		p.At("address").Addf("%s; write a name or an IP address, with a port if it is not %s, as db1.ville.example", text, DefaultPort)
	}
	validateLabels(p.At("labels"), h.Labels)
	twins(p, "password", h.Password, h.PasswordFile)
	switch source := h.Secret(); {
	case h.Username == "" && !source.IsZero():
		p.At("username").Addf("a password needs a username; write the name it belongs to")
	case h.Username != "" && source.IsZero():
		p.At("password_file").Addf("a username needs a password; write password_file and the file that has it")
	}
	if (h.TLS.CertFile == "") != (h.TLS.KeyFile == "") {
		p.At("tls").Addf("cert_file and key_file belong together; write both or neither")
	}
}

// hostName is what may stand as a host in an address: a DNS name with the
// underscores that people use, or what net.ParseIP takes.
var hostName = lazy.Regexp(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?\.?$`)

// badAddress says what keeps a host:port from being one; it repeats the text
// only where it has nothing of a URL in it.
func badAddress(address string) string {
	if strings.Contains(address, "://") || strings.ContainsAny(address, "/@") {
		return "is a URL, not an address"
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return quote(address) + " is no host:port"
	}
	if net.ParseIP(strings.SplitN(host, "%", 2)[0]) == nil && !hostName().MatchString(host) {
		return quote(host) + " is no host's name"
	}
	if !goodPort(port) {
		return quote(port) + " is no port"
	}
	return ""
}

// twins refuses a secret that is given both in the file and in one of its own.
func twins(p problem.List, key string, value secret.Text, file string) {
	if !value.IsZero() && file != "" {
		p.At(key+"_file").Addf("%s is given too; keep one of the two, better the file", key)
	}
}

// ownLabels are set by Tocsin or by Prometheus.
func ownLabels() []string {
	return []string{"job", "instance", "host", "from", "brick", "kind", "alertname", "severity", "le", "quantile"}
}

var labelName = lazy.Regexp(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

func validateLabels(p problem.List, labels map[string]string) {
	for _, name := range sortedKeys(labels) {
		switch value := labels[name]; {
		case !labelName().MatchString(name):
			p.At(name).Addf("is no name for a label; use letters, digits and _, and begin with a letter")
		case slices.Contains(ownLabels(), name):
			p.At(name).Addf("this label is set by Tocsin itself; choose another name")
		case strings.HasPrefix(name, "__"):
			p.At(name).Addf("names that begin with __ belong to Prometheus; choose another name")
		case value == "":
			p.At(name).Addf("is empty, which is the same as no label; give it a value or take it away")
		case len(value) > 200:
			p.At(name).Addf("is longer than 200 bytes; labels are short words")
		}
	}
}
