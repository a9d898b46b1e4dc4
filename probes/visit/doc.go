// Package visit is what the checks of web pages that take more than one look
// at one URL agree on with the prober that makes their requests: headers that
// are graded, journeys, OpenID providers, SAML metadata. A check says what to
// ask and judges what came; the prober (probes/httpprobe) connects, verifies
// certificates, follows redirects, keeps cookies, bounds what is read and
// writes the account.
//
// It makes no request itself.
package visit
