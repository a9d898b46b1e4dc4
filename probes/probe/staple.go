package probe

import "time"

// StapleStatus is what an OCSP answer says of a certificate. The list is
// closed: it is the value of the label status of probe_hop_ocsp_staple_info.
type StapleStatus string

// What OCSP knows (RFC 6960, section 2.2), and an answer that cannot be used.
const (
	StapledGood     StapleStatus = "good"
	StapledRevoked  StapleStatus = "revoked"
	StapledUnknown  StapleStatus = "unknown"
	StapledUnusable StapleStatus = "unusable"
)

// A Staple is the OCSP answer that a server sent beside its certificate. The
// times are zero where the answer cannot be used; NextUpdate also where it
// has none.
type Staple struct {
	Status     StapleStatus `json:"status"`
	ThisUpdate time.Time    `json:"this_update,omitzero"` // when the status was known to be right
	NextUpdate time.Time    `json:"next_update,omitzero"` // when there is something newer
	RevokedAt  time.Time    `json:"revoked_at,omitzero"`
}
