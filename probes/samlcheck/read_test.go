package samlcheck

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestRead(t *testing.T) {
	const (
		ns  = ` xmlns="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"`
		idp = `<IDPSSODescriptor validUntil="2026-05-01T00:00:00Z"><KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>AAAA</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>` +
			`<SingleSignOnService Binding="b" Location="https://idp.example/sso"/></IDPSSODescriptor>`
	)
	two := `<EntitiesDescriptor validUntil="2026-06-01T00:00:00Z" cacheDuration="PT1H"` + ns + `><EntityDescriptor entityID="a" validUntil="2026-07-01T00:00:00Z" cacheDuration="P1D">` + idp +
		`</EntityDescriptor><EntitiesDescriptor><EntityDescriptor entityID="b"/></EntitiesDescriptor></EntitiesDescriptor>`
	e, count, err := read([]byte(two), "a")
	if err != nil || count != 2 || e == nil || len(e.roles) != 1 {
		t.Fatalf("%+v, %d entities: %v", e, count, err)
	}
	if got := e.until.Format(time.DateOnly); got != "2026-05-01" || e.cache != time.Hour {
		t.Errorf("valid until %s, kept for %s", got, e.cache)
	}
	if r := e.roles[0]; len(r.certificates) != 1 || r.certificates[0].err == nil || len(r.endpoints) != 1 {
		t.Errorf("%+v", r)
	}
	if e, count, err := read([]byte(two), "c"); e != nil || count != 2 || err != nil {
		t.Errorf("an entity that is not there: %+v %d %v", e, count, err)
	}
	for text, want := range map[string]string{
		"":                                "no EntityDescriptor",
		"<html></html>":                   "no SAML metadata",
		"<EntityDescriptor/>":             "no SAML metadata",
		"{}":                              "no EntityDescriptor",
		"<EntityDescriptor" + ns + ">":    "no XML",
		`<EntitiesDescriptor` + ns + `/>`: "no EntityDescriptor",
		`<!DOCTYPE x [<!ENTITY a "b">]><EntityDescriptor` + ns + `/>`:         "a document type",
		`<EntityDescriptor` + ns + ` entityID="&a;"/>`:                        "no XML",
		`<EntityDescriptor` + ns + ` validUntil="tomorrow"/>`:                 `validUntil "tomorrow" is no date`,
		`<EntityDescriptor` + ns + ` cacheDuration="1h"/>`:                    `cacheDuration "1h" is no duration`,
		`<EntityDescriptor` + ns + `>` + strings.Repeat("<a>", 60):            "deeper than 50",
		`<?xml version="1.0" encoding="utf-7"?><EntityDescriptor` + ns + `/>`: "no XML",
	} {
		if _, _, err := read([]byte(text), ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", text, err, want)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"PT5M": 5 * time.Minute, "P1DT2H": 26 * time.Hour, "PT0.5S": time.Second / 2, "P1Y": 365 * 24 * time.Hour, "P1M": 30 * 24 * time.Hour,
		"P": 0, "P99999999999999Y": math.MaxInt64,
	} {
		if got, err := parseDuration(text); got != want || err != nil {
			t.Errorf("%s is %s: %v", text, got, err)
		}
	}
}

// FuzzRead: whatever comes is read within bounds, and judged.
func FuzzRead(f *testing.F) {
	f.Add(`<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="a" validUntil="2026-01-01T00:00:00Z"><SPSSODescriptor><KeyDescriptor/></SPSSODescriptor></EntityDescriptor>`)
	f.Add(`<m:EntitiesDescriptor xmlns:m="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><m:EntityDescriptor><m:IDPSSODescriptor><m:KeyDescriptor>` +
		`<ds:X509Certificate><m:IDPSSODescriptor/><ds:X509Certificate>AA</ds:X509Certificate></ds:X509Certificate></m:KeyDescriptor></m:IDPSSODescriptor></m:EntityDescriptor></m:EntitiesDescriptor>`)
	f.Fuzz(func(t *testing.T, text string) {
		e, count, err := read([]byte(text), "")
		if err == nil && (count == 0 || e == nil) {
			t.Fatal("no entity, and no error")
		}
		if e == nil {
			return
		}
		(&Check{now: time.Now}).judge(e)
		for _, r := range e.roles {
			if len(r.certificates) > maxCertificates || len(r.endpoints) > maxEndpoints {
				t.Errorf("%d certificates, %d endpoints", len(r.certificates), len(r.endpoints))
			}
		}
	})
}
