package maildns

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// minRSA is how many bits a key must have. Source: RFC 8301, section 3.2.
const minRSA = 1024

// dkim is a key record taken apart. Source: RFC 6376, section 3.6.1, and RFC
// 8463 for ed25519.
type dkim struct {
	algorithm string // rsa or ed25519
	bits      int
	revoked   bool
	testing   bool // receivers are to treat messages as if they were not signed
}

// parseDKIM reads a key record. Its error says all that is wrong with it; what
// could be read is returned all the same.
func parseDKIM(text string) (*dkim, error) {
	var wrong faults
	list, err := tags(text)
	wrong.add(err)
	if v, ok := find(list, "v"); ok && (v != "DKIM1" || list[0].name != "v") {
		wrong.addf("v=DKIM1 must come first, and be nothing else")
	}
	d := &dkim{algorithm: "rsa"}
	if k, ok := find(list, "k"); ok {
		d.algorithm = strings.ToLower(k)
	}
	if d.algorithm != "rsa" && d.algorithm != "ed25519" {
		wrong.addf("k=%s is no kind of key that receivers know", d.algorithm)
	}
	if h, ok := find(list, "h"); ok && !slices.Contains(parts(h), "sha256") {
		wrong.addf("h=%s leaves no hash that receivers take; it must have sha256", h)
	}
	if s, ok := find(list, "s"); ok && !slices.Contains(parts(s), "*") && !slices.Contains(parts(s), "email") {
		wrong.addf("s=%s says that the key is not for mail", s)
	}
	if t, ok := find(list, "t"); ok {
		d.testing = slices.Contains(parts(t), "y")
	}
	p, ok := find(list, "p")
	p = strings.Join(strings.Fields(p), "")
	switch {
	case !ok:
		wrong.addf("it has no p=, where the key belongs")
	case p == "":
		d.revoked = true
	case d.algorithm == "rsa" || d.algorithm == "ed25519":
		d.bits, err = keyBits(d.algorithm, p)
		wrong.add(err)
	}
	return d, wrong.err()
}

// keyBits reads a key and returns its length.
func keyBits(algorithm, p string) (int, error) {
	raw, err := base64.StdEncoding.DecodeString(p)
	if err != nil {
		return 0, errors.New("p= is no base64: a part of it may be missing")
	}
	if algorithm == "ed25519" {
		if len(raw) != 32 {
			return 0, fmt.Errorf("p= has %d bytes, and a key of ed25519 has 32", len(raw))
		}
		return 256, nil
	}
	if key, err := x509.ParsePKIXPublicKey(raw); err == nil {
		if public, ok := key.(*rsa.PublicKey); ok {
			return public.N.BitLen(), nil
		}
		return 0, errors.New("p= is a key of another kind than k= says")
	}
	// Some write the bare key, as RFC 6376 does by its letter.
	if public, err := x509.ParsePKCS1PublicKey(raw); err == nil {
		return public.N.BitLen(), nil
	}
	return 0, errors.New("p= is no public key: a part of it may be missing")
}

func parts(list string) []string {
	all := strings.Split(strings.ToLower(list), ":")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return all
}
