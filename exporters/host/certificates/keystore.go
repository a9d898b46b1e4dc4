package certificates

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"

	keystore "github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"

	"tocsin/internal/secret"
)

var (
	errPassword  = errors.New("does not open with this password; name it and its password_file under keystores")
	errOnlyTrust = errors.New("holds certificates of authorities alone, and none of its own")
	errPKCS12    = errors.New("is no PKCS#12 file")
	errStrange   = errors.New("is a PKCS#12 file with entries that are not read: beside keys of RSA and ECDSA with their certificates it may hold nothing, unless there is one key alone; export what a service is known by to a file of its own")
)

// parsePKCS12 returns the certificates that belong to the keys of a file. The
// keys are decrypted, since nothing else tells which are its own, and are kept
// nowhere.
func parsePKCS12(content []byte, password secret.Source) ([]*x509.Certificate, error) {
	text, err := password.Read()
	if err != nil {
		return nil, err
	}
	// This one alone takes several keys. The keys that it returns are not of
	// the form that their PEM type says, for which it is deprecated; that of
	// the certificates is right.
	blocks, err := pkcs12.ToPEM(content, text.Reveal()) //nolint:staticcheck // see above
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, errPassword
	case err == nil:
		var certs []*x509.Certificate
		var keys []crypto.PublicKey
		for _, b := range blocks {
			if b.Type == "CERTIFICATE" {
				c, err := x509.ParseCertificate(b.Bytes)
				if err != nil {
					return nil, err
				}
				certs = append(certs, c)
			} else if key, err := x509.ParsePKCS1PrivateKey(b.Bytes); err == nil {
				keys = append(keys, key.Public())
			} else if key, err := x509.ParseECPrivateKey(b.Bytes); err == nil {
				keys = append(keys, key.Public())
			}
		}
		return own(certs, keys)
	}
	// One key of any kind, and whatever certificates beside.
	if key, c, others, err := pkcs12.DecodeChain(content, text.Reveal()); err == nil {
		if signer, ok := key.(crypto.Signer); ok {
			return own(append(others, c), []crypto.PublicKey{signer.Public()})
		}
	}
	if _, err := pkcs12.DecodeTrustStore(content, text.Reveal()); err == nil {
		return nil, errOnlyTrust
	}
	if isPKCS12(content) {
		return nil, errStrange
	}
	return nil, errPKCS12
}

// isPKCS12 tells a file of that kind, of version 3 (RFC 7292, section 4).
func isPKCS12(content []byte) bool {
	var file struct {
		Version int
		Rest    asn1.RawValue
	}
	_, err := asn1.Unmarshal(content, &file)
	return err == nil && file.Version == 3
}

// own returns the certificates that are of one of the keys.
func own(certs []*x509.Certificate, keys []crypto.PublicKey) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for _, c := range certs {
		public, ok := c.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
		for _, key := range keys {
			if ok && public.Equal(key) {
				all = append(all, c)
				break
			}
		}
	}
	if len(all) == 0 {
		return nil, errOnlyTrust
	}
	return all, nil
}

func parseKeystore(content []byte, password secret.Source) ([]*x509.Certificate, error) {
	text, err := password.Read()
	if err != nil {
		return nil, err
	}
	ks := keystore.New()
	if err := ks.Load(bytes.NewReader(content), []byte(text.Reveal())); err != nil {
		return nil, errors.New("is a Java keystore that " + errPassword.Error())
	}
	var all []*x509.Certificate
	for _, alias := range ks.Aliases() {
		chain, err := ks.GetPrivateKeyEntryCertificateChain(alias)
		if err != nil || len(chain) == 0 {
			continue // an authority that is trusted
		}
		c, err := x509.ParseCertificate(chain[0].Content)
		if err != nil {
			return all, err
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, errOnlyTrust
	}
	return all, nil
}
