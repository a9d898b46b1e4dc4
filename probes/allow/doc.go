// Package allow decides what others may have probed, so that GET /probe is no
// open proxy: which hosts by name, and which addresses those may lead to.
//
// It looks nothing up and connects to nobody.
package allow
