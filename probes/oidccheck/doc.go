// Package oidccheck looks at what an OpenID provider publishes, as its clients
// do before anybody logs in: the discovery document and the keys. A client
// refuses every login when the issuer is not the one it knows, when an address
// is not encrypted, or when no key fits.
//
// Sources: OpenID Connect Discovery 1.0; RFC 7517 (JWK) and 7518 (JWA);
// RFC 8037 (OKP).
//
// It logs nobody in, and sees no token.
package oidccheck
