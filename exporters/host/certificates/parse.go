package certificates

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"tocsin/internal/secret"
)

// maxFile is how much of a file with certificates is read; Traefik's keeps all
// of a site.
const maxFile = 8 << 20

var (
	errNone     = errors.New("holds no certificate")
	errKeyAlone = errors.New("holds no certificate, but a private key")
)

// parse finds the own certificates in a file: those that a service is known
// by, without the authorities' that come after.
func parse(path string, content []byte, password secret.Source) ([]*x509.Certificate, error) {
	switch {
	case bytes.HasPrefix(content, []byte{0xfe, 0xed, 0xfe, 0xed}):
		return parseKeystore(content, password)
	case bytes.HasPrefix(content, []byte{0xce, 0xce, 0xce, 0xce}):
		return nil, errors.New("is a Java keystore of the type JCEKS, which is not read; `keytool -importkeystore -srckeystore FILE -destkeystore NEW.p12 -deststoretype PKCS12` makes one that is")
	case bytes.HasPrefix(bytes.TrimSpace(content), []byte("{")):
		return parseACME(content)
	case bytes.Contains(content, []byte("-----BEGIN ")):
		c, err := firstPEM(content)
		if err != nil {
			return nil, err
		}
		return []*x509.Certificate{c}, nil
	}
	if c, err := x509.ParseCertificate(content); err == nil {
		return []*x509.Certificate{c}, nil
	}
	if slices.Contains([]string{".p12", ".pfx"}, strings.ToLower(filepath.Ext(path))) || !password.IsZero() {
		return parsePKCS12(content, password)
	}
	return nil, errNone
}

func firstPEM(content []byte) (*x509.Certificate, error) {
	none := errNone
	for {
		var block *pem.Block
		if block, content = pem.Decode(content); block == nil {
			return nil, none
		}
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			none = errKeyAlone
		}
		if block.Type == "CERTIFICATE" || block.Type == "TRUSTED CERTIFICATE" {
			return x509.ParseCertificate(block.Bytes)
		}
	}
}

// parseACME reads what Traefik keeps: certificates of each resolver, or of the
// only one (pkg/provider/acme/store.go).
func parseACME(content []byte) ([]*x509.Certificate, error) {
	type stored struct {
		Certificates []struct {
			Certificate string `json:"certificate"`
		}
	}
	var resolvers map[string]json.RawMessage
	if err := json.Unmarshal(content, &resolvers); err != nil {
		return nil, errors.New("is no JSON as Traefik writes it")
	}
	var all []*x509.Certificate
	var errs []error
	for _, raw := range append([]json.RawMessage{content}, values(resolvers)...) {
		var s stored
		if json.Unmarshal(raw, &s) != nil {
			continue // an account, or another version's key
		}
		for _, c := range s.Certificates {
			text, err := base64.StdEncoding.DecodeString(c.Certificate)
			if err == nil {
				var one *x509.Certificate
				if one, err = firstPEM(text); err == nil {
					all = append(all, one)
				}
			}
			errs = append(errs, err)
		}
	}
	if len(all) == 0 && errors.Join(errs...) == nil {
		return nil, nil // Traefik has asked for none yet
	}
	return all, errors.Join(errs...)
}

func values(m map[string]json.RawMessage) []json.RawMessage {
	var all []json.RawMessage
	for _, v := range m {
		all = append(all, v)
	}
	return all
}
