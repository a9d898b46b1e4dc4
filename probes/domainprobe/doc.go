// Package domainprobe asks a domain's registry, by RDAP (RFC 9082, 9083), until
// when the domain is registered, by whom, and whether it is on hold.
//
// The scheme is domain://, since the domain is what is looked at; which server
// has the answer is found by IANA's list (RFC 9224), and may change.
//
// A registry that cannot be asked, or does not want to be, says nothing of the
// domain: the look is then not measured. Only the registry's word counts, that
// a domain is on hold, has ended, or never was.
package domainprobe
