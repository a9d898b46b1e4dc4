package samlcheck

import "tocsin/internal/frame"

// The labels' values are closed lists: role is idp, sp or other; use is
// signing, encryption or any (the metadata does not say); service and problem
// are listed in read.go and check.go. fingerprint_sha256 is of a certificate in
// the metadata, of which twenty are told at most.
var (
	validUntil = &frame.Family{
		Name: "probe_saml_metadata_valid_until_timestamp_seconds",
		Help: "Until when the SAML metadata may be used, by its attribute validUntil; absent where it has none.",
	}
	cacheDuration = &frame.Family{
		Name: "probe_saml_metadata_cache_duration_seconds",
		Help: "How long the SAML metadata may be kept before it is fetched again, by its attribute cacheDuration; absent where it has none.",
	}
	certificateExpiry = &frame.Family{
		Name: "probe_saml_certificate_expiry_timestamp_seconds", Labels: []string{"role", "use", "fingerprint_sha256"},
		Help: "When each certificate in the SAML metadata expires.",
	}
	endpointCount = &frame.Family{
		Name: "probe_saml_endpoints", Labels: []string{"role", "service"},
		Help: "How many addresses the SAML metadata has for each service.",
	}
	problemInfo = &frame.Family{
		Name: "probe_saml_problem_info", Labels: []string{"problem"},
		Help: "What is wrong with the SAML metadata; absent when nothing is.",
	}
)

// Families lists what the check of SAML metadata sends.
func Families() []*frame.Family {
	return []*frame.Family{validUntil, cacheDuration, certificateExpiry, endpointCount, problemInfo}
}
