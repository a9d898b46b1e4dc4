package probe

// A Warning says what of a certificate is not as it should be, though clients
// take it. The list is closed: it is the value of the label warning of
// probe_certificate_warning_info.
type Warning string

// What makes nothing fail, and is told.
const (
	WeakKey        Warning = "weak_key"
	StapleMissing  Warning = "staple_missing"
	StapleStale    Warning = "staple_stale"
	StapleUnknown  Warning = "staple_unknown"
	StapleUnusable Warning = "staple_unusable"
)

// Warnings lists all warnings.
func Warnings() []Warning {
	return []Warning{WeakKey, StapleMissing, StapleStale, StapleUnknown, StapleUnusable}
}

// Meaning explains the warning in one line, for the reference page.
func (w Warning) Meaning() string {
	switch w {
	case WeakKey:
		return "the key of the certificate, or of one that vouches for it, is short (RSA below 2048 bits, ECDSA below 224): programs with OpenSSL as Debian has it refuse it"
	case StapleMissing:
		return "the certificate demands an OCSP answer beside it (must-staple), and the server staples none"
	case StapleStale:
		return "the OCSP answer that the server staples is past its end"
	case StapleUnknown:
		return "the OCSP answer that the server staples says that the certificate is not known"
	default:
		return "the OCSP answer that the server staples cannot be used: garbled, for another certificate, or not signed by who may"
	}
}

// Warned is a warning, and what is the matter in words.
type Warned struct {
	Warning Warning `json:"warning"`
	Text    string  `json:"text"`
}
