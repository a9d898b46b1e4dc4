package oidccheck

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"tocsin/probes/visit"
)

// The names of faults.
const (
	faultDocument    = "document"         // no JSON, or not the document it should be
	faultIssuer      = "issuer"           // it calls itself otherwise
	faultMissing     = "missing_field"    // a field is missing or empty
	faultEndpoint    = "endpoint"         // an address is no https:// URL
	faultUnreachable = "keys_unreachable" // the keys do not come
	faultKeySet      = "key_set"          // what comes is no set of keys
	faultNoKey       = "no_usable_key"
	faultWeakKey     = "weak_key"
	faultPrivateKey  = "private_key"     // a key's secret part is published
	faultKeyID       = "key_id_missing"  // several keys, and one has no identifier
	faultKeyIDTwice  = "key_id_repeated" // two keys have one identifier
)

// document is the discovery document, as far as it is judged.
type document struct {
	fields map[string]json.RawMessage
}

// required are the fields that a document must have (section 3). A provider of
// the implicit flow alone may leave out token_endpoint.
var required = []string{
	"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri",
	"response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported",
}

// endpoints are the fields that are addresses which clients or users are sent
// to.
var endpoints = []string{
	"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "registration_endpoint",
	"end_session_endpoint", "introspection_endpoint", "revocation_endpoint", "device_authorization_endpoint",
	"pushed_authorization_request_endpoint", "check_session_iframe",
}

func readDocument(text []byte) (*document, error) {
	d := &document{}
	if err := json.Unmarshal(text, &d.fields); err != nil {
		return nil, fmt.Errorf("the answer is no discovery document: %w", err)
	}
	if d.fields == nil {
		return nil, errors.New("the answer is no discovery document, but null")
	}
	return d, nil
}

// text is a field that is a text; false where it is missing or something else.
func (d *document) text(name string) (string, bool) {
	var s string
	err := json.Unmarshal(d.fields[name], &s)
	return s, err == nil && s != ""
}

// list is a field that is a list of texts.
func (d *document) list(name string) []string {
	var all []string
	if json.Unmarshal(d.fields[name], &all) != nil {
		return nil
	}
	return all
}

// judge says what is wrong with the document.
func (d *document) judge(issuer string) []visit.Fault {
	var faults []visit.Fault
	if own, ok := d.text("issuer"); ok && own != issuer {
		faults = append(faults, visit.Fault{Name: faultIssuer, Text: fmt.Sprintf("it calls itself %q, not %q: clients compare to the letter", own, issuer)})
	}
	var missing []string
	for _, name := range required {
		if name == "token_endpoint" && d.implicitOnly() {
			continue
		}
		_, isText := d.text(name)
		if strings.HasSuffix(name, "_supported") && len(d.list(name)) == 0 || !strings.HasSuffix(name, "_supported") && !isText {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		faults = append(faults, visit.Fault{Name: faultMissing, Text: "the document lacks " + strings.Join(missing, ", ")})
	}
	for _, name := range endpoints {
		address, ok := d.text(name)
		if !ok {
			continue
		}
		if u, err := url.Parse(address); err != nil || u.Scheme != "https" || u.Hostname() == "" || u.Fragment != "" || u.User != nil {
			faults = append(faults, visit.Fault{Name: faultEndpoint, Text: name + " is no https:// address"})
		}
	}
	return faults
}

func (d *document) implicitOnly() bool {
	types := d.list("response_types_supported")
	return len(types) > 0 && !slices.ContainsFunc(types, func(t string) bool { return slices.Contains(strings.Fields(t), "code") })
}
