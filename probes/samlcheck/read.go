package samlcheck

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

const (
	metadataSpace  = "urn:oasis:names:tc:SAML:2.0:metadata"
	signatureSpace = "http://www.w3.org/2000/09/xmldsig#"
)

// The bounds of a document. A federation's has some ten thousand entities.
const (
	maxDepth        = 50
	maxAttributes   = 100
	maxCertificates = 20
	maxEndpoints    = 500
	maxRoles        = 20
	maxCertificate  = 64 << 10 // bytes of base64
)

// An entity is one service or identity provider of the metadata.
type entity struct {
	id    string
	until time.Time     // zero: it does not say
	cache time.Duration // 0: it does not say
	roles []role
}

// A role is what an entity is: an identity provider, a service provider, or
// something else.
type role struct {
	name         string // idp, sp or other
	certificates []certificate
	endpoints    []endpoint
}

type certificate struct {
	use  string // signing, encryption or any
	cert *x509.Certificate
	err  error
}

type endpoint struct{ service, binding, location string }

// services are the elements that are endpoints.
var services = []string{
	"SingleSignOnService", "SingleLogoutService", "ArtifactResolutionService", "AssertionConsumerService", "ManageNameIDService",
	"NameIDMappingService", "AssertionIDRequestService", "AttributeService", "AuthzService", "AuthnQueryService",
}

var roleNames = map[string]string{
	"IDPSSODescriptor": "idp", "SPSSODescriptor": "sp", "RoleDescriptor": "other", "AuthnAuthorityDescriptor": "other",
	"AttributeAuthorityDescriptor": "other", "PDPDescriptor": "other",
}

// reader goes through a document once, and keeps what is of the entity wanted.
type reader struct {
	wanted string // empty: the only one
	depth  int
	until  []time.Time     // of the elements that are open, by depth
	cache  []time.Duration // the same
	found  *entity
	count  int

	// What is open, and at which depth: an element of the same name may lie
	// within. Depth 0 is none; in is nil for an entity that is not wanted.
	in       *entity
	role     *role
	use      string
	text     *strings.Builder // of a certificate
	entityAt int
	roleAt   int
	keyAt    int
	certAt   int
}

// read returns the entity wanted, nil where the document has none such, and how
// many entities it has.
func read(document []byte, wanted string) (*entity, int, error) {
	d := xml.NewDecoder(bytes.NewReader(document))
	r := &reader{wanted: wanted}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, 0, fmt.Errorf("it is no XML: %w", err)
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, 0, errors.New("it has a document type, which metadata must not")
		case xml.StartElement:
			err = r.open(t)
		case xml.EndElement:
			r.close()
		case xml.CharData:
			if r.text != nil && r.text.Len() < maxCertificate {
				r.text.Write(t)
			}
		}
		if err != nil {
			return nil, 0, err
		}
	}
	if r.count == 0 {
		return nil, 0, errors.New("it has no EntityDescriptor")
	}
	return r.found, r.count, nil
}

func (r *reader) open(t xml.StartElement) error {
	if r.depth++; r.depth > maxDepth || len(t.Attr) > maxAttributes {
		return fmt.Errorf("an element lies deeper than %d, or has more than %d attributes", maxDepth, maxAttributes)
	}
	if r.depth == 1 && (t.Name.Space != metadataSpace || t.Name.Local != "EntityDescriptor" && t.Name.Local != "EntitiesDescriptor") {
		return errors.New("it is XML, but no SAML metadata")
	}
	var until time.Time
	var cache time.Duration
	if t.Name.Space == metadataSpace {
		var err error
		if until, err = parseTime(attribute(t, "validUntil")); err != nil {
			return err
		}
		if cache, err = parseDuration(attribute(t, "cacheDuration")); err != nil {
			return err
		}
	}
	r.until, r.cache = append(r.until, until), append(r.cache, cache)
	switch {
	case t.Name.Space == metadataSpace && t.Name.Local == "EntityDescriptor" && r.entityAt == 0:
		r.count++
		r.entityAt = r.depth
		if id := attribute(t, "entityID"); r.found == nil && (r.wanted == "" || r.wanted == id) {
			r.in = &entity{id: id}
			r.found = r.in
			for i := range r.until {
				r.narrow(r.until[i], r.cache[i])
			}
		}
	case r.in == nil:
	case t.Name.Space == metadataSpace:
		r.narrow(until, cache)
		r.part(t)
	case t.Name.Space == signatureSpace && t.Name.Local == "X509Certificate" && r.keyAt > 0 && r.certAt == 0 && len(r.role.certificates) < maxCertificates:
		r.text, r.certAt = &strings.Builder{}, r.depth
	}
	return nil
}

// part opens an element within the entity.
func (r *reader) part(t xml.StartElement) {
	name := t.Name.Local
	switch {
	case r.depth == r.entityAt+1 && roleNames[name] != "" && len(r.in.roles) < maxRoles:
		r.in.roles = append(r.in.roles, role{name: roleNames[name]})
		r.role, r.roleAt = &r.in.roles[len(r.in.roles)-1], r.depth
	case r.roleAt == 0 || r.depth != r.roleAt+1:
	case name == "KeyDescriptor":
		r.keyAt = r.depth
		r.use = attribute(t, "use")
		if r.use != "signing" && r.use != "encryption" {
			r.use = "any"
		}
	case slices.Contains(services, name) && len(r.role.endpoints) < maxEndpoints:
		r.role.endpoints = append(r.role.endpoints, endpoint{service: name, binding: attribute(t, "Binding"), location: attribute(t, "Location")})
	}
}

func (r *reader) close() {
	switch r.depth {
	case r.certAt:
		r.role.certificates = append(r.role.certificates, readCertificate(r.use, r.text.String()))
		r.text, r.certAt = nil, 0
	case r.keyAt:
		r.keyAt = 0
	case r.roleAt:
		r.role, r.roleAt = nil, 0
	case r.entityAt:
		r.in, r.entityAt = nil, 0
	}
	r.depth--
	r.until, r.cache = r.until[:r.depth], r.cache[:r.depth]
}

// narrow takes the shortest of all that is said.
func (r *reader) narrow(until time.Time, cache time.Duration) {
	if !until.IsZero() && (r.in.until.IsZero() || until.Before(r.in.until)) {
		r.in.until = until
	}
	if cache > 0 && (r.in.cache == 0 || cache < r.in.cache) {
		r.in.cache = cache
	}
}

func attribute(t xml.StartElement, name string) string {
	for _, a := range t.Attr {
		if a.Name.Space == "" && a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func readCertificate(use, text string) certificate {
	c := certificate{use: use}
	if len(text) >= maxCertificate {
		c.err = fmt.Errorf("a certificate is longer than %d bytes", maxCertificate)
		return c
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		c.err = errors.New("a certificate is no base64")
		return c
	}
	if c.cert, err = x509.ParseCertificate(der); err != nil {
		c.err = errors.New("a certificate cannot be read")
	}
	return c
}
