// Package samlcheck looks at the SAML metadata that a service or an identity
// provider publishes: until when it is valid, which certificates it names and
// when they expire, where its services are. Partners read it again and again,
// and refuse logins when it has run out.
//
// Source: Metadata for the OASIS SAML V2.0, sections 2.2 to 2.4.
//
// The metadata's signature is not verified, and no login is made.
package samlcheck
