// Package zoneprobe looks at a zone of the DNS as a whole: at what its parent
// says of it, and at each address of each of its name servers. It says which
// server does not answer, is no authority or lags behind, where parent and
// zone disagree, and until when the signatures hold.
//
// The scheme is zone://, since the zone is what is looked at: dns:// asks one
// server one question, and here no server stands in the target at all.
//
// The chain of signatures is followed from the parent's DS records downwards,
// and at the zone's own name only; what is above is the parent's affair.
package zoneprobe
