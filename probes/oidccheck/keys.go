package oidccheck

import (
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math/big"
	"slices"
	"strings"

	"tocsin/probes/visit"
)

const (
	// maxKeys bounds how many keys of a set are looked at.
	maxKeys = 100
	// minRSA is what RFC 7518, section 3.3 wants of RSA keys, in bits; maxRSA
	// is more than any client takes.
	minRSA = 2048
	maxRSA = 16384
)

// key is one key of a set, as far as it is judged.
type key struct {
	Kty string   `json:"kty"`
	Use string   `json:"use"`
	Ops []string `json:"key_ops"`
	Alg string   `json:"alg"`
	Kid string   `json:"kid"`
	Crv string   `json:"crv"`
	N   string   `json:"n"`
	E   string   `json:"e"`
	X   string   `json:"x"`
	Y   string   `json:"y"`
	// D and K are the secret parts of private and shared keys.
	D json.RawMessage `json:"d"`
	K json.RawMessage `json:"k"`
}

// readKeys reads a set of keys. A key that cannot be read is one of no type.
func readKeys(text []byte) ([]key, error) {
	var set struct {
		Keys *[]json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("it is no JSON set of keys: %w", err)
	}
	if set.Keys == nil {
		return nil, errors.New("it has no list of keys")
	}
	var keys []key
	for _, raw := range (*set.Keys)[:min(len(*set.Keys), maxKeys)] {
		var k key
		if json.Unmarshal(raw, &k) != nil {
			k = key{}
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// errWeak marks a key that is whole, and too short to be taken.
var errWeak = errors.New("too short")

// check says what is wrong with the key itself.
func (k *key) check() error {
	switch k.Kty {
	case "RSA":
		n, e, err := k.rsa()
		switch {
		case err != nil:
			return err
		case n.BitLen() < minRSA:
			return fmt.Errorf("RSA key of %d bits is %w, %d are the least", n.BitLen(), errWeak, minRSA)
		case n.BitLen() > maxRSA || n.Bit(0) == 0 || e.Bit(0) == 0 || e.Cmp(big.NewInt(3)) < 0 || e.BitLen() > 64:
			return errors.New("numbers that make no RSA key")
		}
		return nil
	case "EC":
		return k.ec()
	case "OKP":
		size, ok := map[string]int{"Ed25519": 32, "Ed448": 57, "X25519": 32, "X448": 56}[k.Crv]
		if x, err := decode(k.X); !ok || err != nil || len(x) != size {
			return fmt.Errorf("no OKP key: the curve or the length of x is wrong")
		}
		return nil
	case "oct":
		return errors.New("a shared secret, which verifies nothing for others")
	}
	return errors.New("a type that is not known here")
}

func (k *key) rsa() (n, e *big.Int, err error) {
	nb, err := decode(k.N)
	if err != nil || len(nb) > maxRSA/8+1 {
		return nil, nil, errors.New("n is no number")
	}
	eb, err := decode(k.E)
	if err != nil || len(eb) > 64 {
		return nil, nil, errors.New("e is no number")
	}
	return new(big.Int).SetBytes(nb), new(big.Int).SetBytes(eb), nil
}

// ec checks that the point lies on its curve.
func (k *key) ec() error {
	curve, ok := map[string]ecdh.Curve{"P-256": ecdh.P256(), "P-384": ecdh.P384(), "P-521": ecdh.P521()}[k.Crv]
	size := map[string]int{"P-256": 32, "P-384": 48, "P-521": 66, "secp256k1": 32}[k.Crv]
	x, errX := decode(k.X)
	y, errY := decode(k.Y)
	if size == 0 || errX != nil || errY != nil || len(x) != size || len(y) != size {
		return errors.New("no EC key: the curve or the length of x and y is wrong")
	}
	if !ok {
		return nil // secp256k1, which is not computed here
	}
	if _, err := curve.NewPublicKey(slices.Concat([]byte{4}, x, y)); err != nil {
		return errors.New("no EC key: x and y are no point of " + k.Crv)
	}
	return nil
}

func decode(s string) ([]byte, error) {
	if s == "" {
		return nil, errors.New("missing")
	}
	return base64.RawURLEncoding.DecodeString(s)
}

// fits lists the algorithms of signatures that the key can verify.
func (k *key) fits() []string {
	var all []string
	switch {
	case k.Kty == "RSA":
		all = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	case k.Kty == "EC":
		all = []string{map[string]string{"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "secp256k1": "ES256K"}[k.Crv]}
	case k.Kty == "OKP" && strings.HasPrefix(k.Crv, "Ed"):
		all = []string{"EdDSA", k.Crv} // RFC 9864 names the curve
	}
	if k.Alg != "" {
		all = slices.DeleteFunc(all, func(a string) bool { return a != k.Alg })
	}
	return all
}

// signs tells whether the key is for signatures, as far as it says.
func (k *key) signs() bool {
	return (k.Use == "" || k.Use == "sig") && (len(k.Ops) == 0 || slices.Contains(k.Ops, "verify"))
}

// judgeKeys says what is wrong with a set of keys, and how many of them verify
// tokens signed by one of the algorithms.
func judgeKeys(keys []key, algorithms []string) (usable int, faults []visit.Fault) {
	ids := map[string]int{}
	signing, nameless := 0, 0
	for i := range keys {
		k := &keys[i]
		called := fmt.Sprintf("key %d", i+1)
		if len(k.D) > 0 || k.Kty == "oct" && len(k.K) > 0 {
			faults = append(faults, visit.Fault{Name: faultPrivateKey, Text: called + " shows its secret part to everybody: replace it"})
		}
		if !k.signs() {
			continue
		}
		signing++
		if k.Kid == "" {
			nameless++
		}
		ids[k.Kid]++
		if err := k.check(); err != nil {
			if errors.Is(err, errWeak) {
				faults = append(faults, visit.Fault{Name: faultWeakKey, Text: called + ": " + err.Error(), Mild: true})
			}
			continue
		}
		if slices.ContainsFunc(k.fits(), func(a string) bool { return slices.Contains(algorithms, a) }) {
			usable++
		}
	}
	if signing > 1 && nameless > 0 {
		faults = append(faults, visit.Fault{Name: faultKeyID, Text: fmt.Sprintf("%d of %d keys have no identifier (kid): clients cannot tell which to use", nameless, signing)})
	}
	delete(ids, "")
	for _, n := range ids {
		if n > 1 {
			faults = append(faults, visit.Fault{Name: faultKeyIDTwice, Text: fmt.Sprintf("%d keys have the same identifier (kid)", n)})
			break
		}
	}
	if usable == 0 {
		faults = append(faults, visit.Fault{Name: faultNoKey, Text: fmt.Sprintf("none of the %d keys verifies tokens signed by %s", len(keys), strings.Join(algorithms[:min(len(algorithms), 12)], ", "))})
	}
	return usable, faults
}

// hashIDs sums up the identifiers, in whatever order they come.
func hashIDs(keys []key) uint32 {
	ids := make([]string, len(keys))
	for i := range keys {
		ids[i] = keys[i].Kid
	}
	slices.Sort(ids)
	h := fnv.New32a()
	for _, id := range ids {
		_, _ = h.Write([]byte(id + "\x00"))
	}
	return h.Sum32()
}
