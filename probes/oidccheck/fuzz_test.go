package oidccheck

import "testing"

// FuzzJudge: whatever a provider publishes is judged.
func FuzzJudge(f *testing.F) {
	f.Add(`{"issuer":"https://a","jwks_uri":"https://a/k","id_token_signing_alg_values_supported":["RS256","ES256"]}`,
		`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},{"kty":"OKP","crv":"Ed25519","x":"AA"},7]}`)
	f.Add(`null`, `{"keys":null}`)
	f.Fuzz(func(t *testing.T, document, set string) {
		d, err := readDocument([]byte(document))
		if err != nil {
			return
		}
		d.judge("https://a")
		keys, err := readKeys([]byte(set))
		if err != nil {
			return
		}
		usable, faults := judgeKeys(keys, d.list("id_token_signing_alg_values_supported"))
		if usable > len(keys) || len(keys) > maxKeys || usable == 0 && len(faults) == 0 {
			t.Errorf("%d of %d keys are usable, %v", usable, len(keys), faults)
		}
		hashIDs(keys)
	})
}
