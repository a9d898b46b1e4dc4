package httpprobe

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"tocsin/probes/probe"
)

// credentials is all that goes to the target only.
type credentials struct {
	header http.Header
	host   string // the header Host, which is no header for net/http
}

// readCredentials reads the secrets, afresh for each look, and returns a
// redactor that knows them.
func readCredentials(o *Options) (credentials, *probe.Redactor, error) {
	c := credentials{}
	var hidden []string
	if len(o.Headers) > 0 || o.Username != "" || !o.BearerToken.IsZero() {
		c.header = make(http.Header, len(o.Headers)+1)
	}
	for _, h := range o.Headers {
		value, err := h.Value.Read()
		if err != nil {
			return credentials{}, nil, err
		}
		if strings.EqualFold(h.Name, "Host") {
			c.host = value.Reveal()
			continue
		}
		c.header.Set(h.Name, value.Reveal())
		hidden = append(hidden, forms(value.Reveal())...)
	}
	if o.Username != "" {
		password, err := o.Password.Read()
		if err != nil {
			return credentials{}, nil, err
		}
		encoded := base64.StdEncoding.EncodeToString([]byte(o.Username + ":" + password.Reveal()))
		c.header.Set("Authorization", "Basic "+encoded)
		hidden = append(hidden, password.Reveal(), encoded)
	}
	if !o.BearerToken.IsZero() {
		token, err := o.BearerToken.Read()
		if err != nil {
			return credentials{}, nil, err
		}
		c.header.Set("Authorization", "Bearer "+token.Reveal())
		hidden = append(hidden, token.Reveal())
	}
	return c, probe.NewRedactor(hidden...), nil
}

// forms returns a header's value and, of one like "Bearer abc", the token by
// itself, which a server may echo alone.
func forms(value string) []string {
	if _, token, ok := strings.Cut(value, " "); ok && !strings.Contains(token, " ") {
		return []string{value, token}
	}
	return []string{value}
}

// mayHave tells whether a server may be sent the credentials meant for the
// target: it must be the same host, and no less protected. From http://host
// to https://host is no other host.
func mayHave(target, at *url.URL) bool {
	if !strings.EqualFold(target.Hostname(), at.Hostname()) {
		return false
	}
	if target.Scheme == at.Scheme {
		return port(target) == port(at)
	}
	return target.Scheme == "http" && port(target) == "80" && at.Scheme == "https" && port(at) == "443"
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}
