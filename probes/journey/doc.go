// Package journey goes through a site as somebody who does not log in does:
// page after page, with cookies, over redirects and the forms that send
// themselves (SAML's POST binding, OpenID's form_post), up to the identity
// provider's login form. What one page holds can be used to ask for the next.
//
// It sends no password and fills in no login form. What is found in pages is
// taken for secret and taken out of every text.
package journey
