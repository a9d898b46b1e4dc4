package httpprobe

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"tocsin/probes/probe"
)

// credentials is all that goes to the target only.
type credentials struct {
	header http.Header
	host   string // the header Host, which is no header for net/http
	body   []byte // nil: none is sent
}

// readCredentials reads the secrets, afresh for each look, and returns a
// redactor that knows them.
func readCredentials(o *Options) (credentials, *probe.Redactor, error) {
	c := credentials{}
	var hidden []string
	if len(o.Headers) > 0 || o.Username != "" || !o.BearerToken.IsZero() || o.OAuth2 != nil {
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
		c.header.Add(h.Name, value.Reveal())
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
		c.header.Set("Authorization", cmp.Or(o.AuthScheme, "Bearer")+" "+token.Reveal())
		hidden = append(hidden, token.Reveal())
	}
	if !o.RequestBody.IsZero() {
		c.body = []byte(o.RequestBody.Reveal())
	} else if o.RequestBodyFile != "" {
		var err error
		if c.body, err = readRequestBody(o.RequestBodyFile); err != nil {
			return credentials{}, nil, err
		}
	}
	hidden = append(append(hidden, o.Proxy.secrets()...), string(c.body))
	return c, probe.NewRedactor(hidden...), nil
}

// maxRequestBody bounds what is sent with a request.
const maxRequestBody = 1 << 20

func readRequestBody(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read the request's body: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxRequestBody+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the request's body: %w", err)
	case len(b) > maxRequestBody:
		return nil, fmt.Errorf("read the request's body: %s is larger than %d bytes", file, maxRequestBody)
	}
	return b, nil
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
