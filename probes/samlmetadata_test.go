package probes

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tocsin/probes/httpprobe"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/samlcheck"
	"tocsin/probes/tlscheck"
)

// The metadata of all parts of a real site are good, and say what they are.
func TestSAMLMetadata_real(t *testing.T) {
	p := startPublik(t)
	for address, c := range map[string]struct{ role, use, service, entity string }{
		p.url("connexion", "/idp/saml2/metadata"): {"idp", "signing", "SingleSignOnService", p.url("connexion", "/idp/saml2/metadata")},
		p.url("demarches", "/saml/metadata"):      {"sp", "encryption", "AssertionConsumerService", p.url("demarches", "/saml/metadata")},
	} {
		r, page := look(t, Config{
			Target: address, TLS: tlscheck.Config{CAFile: p.ca}, HTTP: httpprobe.Config{SAMLMetadata: &samlcheck.Config{EntityID: c.entity}},
		}, Options{Lookup: localhost})
		wantReason(t, r, page, "", "")
		page.lacks(t, "probe_saml_problem_info")
		if until := page["probe_saml_metadata_valid_until_timestamp_seconds"]; until < float64(time.Now().Unix()) {
			t.Errorf("%s is valid until %v", address, until)
		}
		found := false
		for series, value := range page {
			found = found || strings.HasPrefix(series, "probe_saml_certificate_expiry_timestamp_seconds{") &&
				strings.Contains(series, fmt.Sprintf(`role=%q,use=%q`, c.role, c.use)) && value > float64(time.Now().Add(364*day).Unix())
		}
		if !found || page[fmt.Sprintf("probe_saml_endpoints{role=%q,service=%q}", c.role, c.service)] < 1 {
			t.Errorf("%s tells %v", address, page.sorted())
		}
	}
}

func TestSAMLMetadata_faults(t *testing.T) {
	_, cert := samlPair(t, time.Now().Add(day))
	der := base64.StdEncoding.EncodeToString(cert.Raw)
	key := `<KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>` + der + `</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>`
	sso := `<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/sso"/>`
	entity := func(attributes, content string) string {
		return `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="https://idp.example" ` + attributes + `>` + content + `</EntityDescriptor>`
	}
	idp := func(content string) string { return "<IDPSSODescriptor>" + content + "</IDPSSODescriptor>" }
	for _, c := range []struct {
		name, document, wanted string
		problem                string
		fails                  bool
		text                   string
	}{
		{"good", entity("", idp(key+sso)), "https://idp.example", "", false, ""},
		{"a page", "<html><body>", "", "document", true, "it is XML, but no SAML metadata"},
		{"of somebody else", entity("", idp(key+sso)), "https://other.example", "entity", true, "none of its 1 entities is https://other.example"},
		{"it has run out", entity(`validUntil="2026-01-01T00:00:00Z"`, idp(key+sso)), "", "expired", true, "it was valid until 2026-01-01T00:00:00Z only"},
		{"no key", entity("", idp(sso)), "", "no_certificate", true, "no certificate for signatures"},
		{"a key for encryption alone", entity("", idp(strings.Replace(key, "signing", "encryption", 1)+sso)), "", "no_certificate", true, "no certificate for signatures"},
		{"a key that cannot be read beside a good one", entity("", idp(strings.Replace(key, der, "AAAA", 1)+key+sso)), "", "certificate", false, ""},
		{"nowhere to log in", entity("", idp(key)), "", "endpoint", true, "it has no SingleSignOnService"},
		{"not encrypted", entity("", idp(key+strings.Replace(sso, "https", "http", 1))), "", "endpoint", true, "the address of SingleSignOnService is no https:// address"},
		{"no role", entity("", ""), "", "role", true, "neither an identity nor a service provider"},
		{"many", `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">` + entity("", "") + entity("", "") + `</EntitiesDescriptor>`, "", "entity", true, "it has 2 entities; write"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := probetest.HTTP(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, c.document) }))
			r, page := look(t, Config{Target: server.URL, HTTP: httpprobe.Config{SAMLMetadata: &samlcheck.Config{EntityID: c.wanted}}}, Options{})
			reason := probe.Reason("")
			if c.fails {
				reason = probe.Body
			}
			if r.Reason != reason || !strings.Contains(r.Explain(), c.text) {
				t.Errorf("it says %q, want %q", r.Explain(), c.text)
			}
			switch {
			case c.fails:
			case c.problem == "certificate":
				if len(r.Faults) != 2 || !strings.Contains(r.Faults[1], "cannot be read") {
					t.Errorf("the faults are %q", r.Faults)
				}
			default:
				wantFault(t, &r, "the certificate in the SAML metadata (idp, signing) has 1 days left")
			}
			if c.problem == "" {
				page.lacks(t, "probe_saml_problem_info")
			} else {
				page.wants(t, fmt.Sprintf("probe_saml_problem_info{problem=%q}", c.problem), 1)
			}
		})
	}
}
