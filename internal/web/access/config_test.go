package access

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"tocsin/internal/problem"
)

func TestConfig_whatIsWrong(t *testing.T) {
	for name, c := range map[string]struct{ yaml, want string }{
		"nothing":            {"{}", ""},
		"all":                {"tls: {cert_file: a, key_file: b, client_ca_file: c, client_auth: verify_if_given, min_version: '1.3'}\nusers_file: u\nwriters: [a]\nhosts: [a.example, '::1', 10.0.0.1]", ""},
		"no key":             {"tls: {cert_file: a}", "tls.key_file: a certificate needs its key; set key_file to the PEM file with the private key"},
		"no certificate":     {"tls: {key_file: a}", "tls.cert_file: a key needs its certificate; set cert_file to the PEM file with the certificate chain"},
		"authorities alone":  {"tls: {client_ca_file: a}", "tls.cert_file: client certificates need TLS; set cert_file and key_file, or remove client_ca_file"},
		"auth without CA":    {"tls: {cert_file: a, key_file: b, client_auth: require}", "tls.client_auth: there is no authority to check client certificates with; set client_ca_file"},
		"unknown auth":       {"tls: {cert_file: a, key_file: b, client_auth: maybe}", `tls.client_auth: "maybe" is unknown; write require or verify_if_given`},
		"old TLS":            {"tls: {cert_file: a, key_file: b, min_version: 1.1}", `tls.min_version: "1.1" is no TLS version that is served; write "1.2" or "1.3"`},
		"writers of nothing": {"writers: [a]", "writers: there are no users to choose writers from; set users_file, or tls.client_ca_file"},
		"empty writer":       {"users_file: u\nwriters: ['']", "writers[0]: the name is empty; write a name of users_file"},
		"host with port":     {"hosts: ['a.example:80']", `hosts[0]: "a.example:80" has a port; write a host's name alone, as guet.ville.example`},
		"host is a URL":      {"hosts: [ok, 'https://a.example']", `hosts[1]: "https://a.example" is a URL; write a host's name alone, as guet.ville.example`},
		"host is a wildcard": {"hosts: ['*.example']", `hosts[0]: "*.example" has a wildcard, which is not supported; write a host's name alone, as guet.ville.example`},
	} {
		t.Run(name, func(t *testing.T) {
			var config Config
			decoder := yaml.NewDecoder(strings.NewReader(c.yaml))
			decoder.KnownFields(true)
			if err := decoder.Decode(&config); err != nil {
				t.Fatal(err)
			}
			config.SetDefaults()
			list := problem.New()
			config.Validate(list)
			var got []string
			for _, p := range list.All() {
				got = append(got, p.Path+": "+p.Text)
			}
			if diff := cmp.Diff(c.want, strings.Join(got, "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestConfig_defaults(t *testing.T) {
	c := Config{TLS: TLS{CertFile: "a", KeyFile: "b", ClientCAFile: "c"}}
	c.SetDefaults()
	if c.TLS.ClientAuth != "require" || c.TLS.MinVersion != "1.2" {
		t.Errorf("%+v", c.TLS)
	}
	var none Config
	none.SetDefaults()
	if diff := cmp.Diff(Config{}, none); diff != "" {
		t.Error(diff)
	}
}
