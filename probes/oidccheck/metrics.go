package oidccheck

import "tocsin/internal/frame"

// The labels' values are closed lists: kty is RSA, EC, OKP, oct or other; use
// is sig, enc, any (the key does not say) or other; problem is the name of a
// fault (discovery.go).
var (
	keysFound = &frame.Family{
		Name: "probe_oidc_keys", Labels: []string{"kty", "use"},
		Help: "How many keys the OpenID provider publishes, by type and use.",
	}
	keysUsable = &frame.Family{
		Name: "probe_oidc_usable_keys",
		Help: "How many of the OpenID provider's keys a client can verify its ID tokens with.",
	}
	keyIDs = &frame.Family{
		Name: "probe_oidc_key_ids_hash",
		Help: "Hash (FNV-1a, 32 bit) of the identifiers of the OpenID provider's keys, to see that they changed.",
	}
	problemInfo = &frame.Family{
		Name: "probe_oidc_problem_info", Labels: []string{"problem"},
		Help: "What is wrong with what the OpenID provider publishes; absent when nothing is.",
	}
)

// Families lists what the check of a provider sends.
func Families() []*frame.Family {
	return []*frame.Family{keysFound, keysUsable, keyIDs, problemInfo}
}
