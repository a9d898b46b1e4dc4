package probes

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestList_readsChecksOfWebSites(t *testing.T) {
	list, wrong := read(t, `
- {target: https://a.example, header_grade: B}
- {target: https://b.example, header_grade: told}
- {target: https://c.example, header_grade: {promised: A+, algorithm: 5, every: 1h, http_url: "http://c.example:8080/", preloaded: true}, ip_version: both}
- {target: https://connexion.ville.example, oidc: {}}
- {target: https://connexion.ville.example/idp/saml2/metadata, saml_metadata: {}}
- target: https://demarches.ville.example/
  name: login
  instance: login
  journey:
    - {step: home, url: /, extract: {csrf: {field: csrfmiddlewaretoken}}}
    - step: login
      url: /login/?next=/
      form: {token: "${csrf}"}
      ends_at: https://connexion.ville.example/
      fields: [username, password]
`)
	if wrong != nil {
		t.Fatal(wrong)
	}
	for i, want := range []string{
		"30s 0s B 6 10m", "30s 0s  6 10m", "30s 46 A+ 5 1h", "30s oidc", "30s saml", "5m 30s 2 steps",
	} {
		c := &list[i]
		got := []any{c.Interval}
		switch {
		case c.HTTP.HeaderGrade != nil:
			version := "0s"
			if c.IPVersion != 0 {
				version = fmt.Sprint(int(c.IPVersion))
			}
			got = append(got, version, c.HTTP.HeaderGrade.Promised, c.HTTP.HeaderGrade.Algorithm, c.HTTP.HeaderGrade.Every)
		case c.HTTP.OIDC != nil:
			got = append(got, "oidc")
		case c.HTTP.SAMLMetadata != nil:
			got = append(got, "saml")
		default:
			got = append(got, c.Timeout, len(c.HTTP.Journey), "steps")
		}
		if text := strings.TrimSuffix(fmt.Sprintln(got...), "\n"); text != want {
			t.Errorf("probes[%d] is %q, want %q", i, text, want)
		}
		if _, err := New(*c, Options{}); err != nil {
			t.Error(err)
		}
	}
	if told := list[5].Told(); told != "a journey of 2 steps as a user would make it, without logging in" {
		t.Errorf("told: %s", told)
	}
	if told := list[0].Told(); !strings.HasSuffix(told, "; every 10m a GET over https and http and an OPTIONS, to grade its headers") {
		t.Errorf("told: %s", told)
	}
	if _, every, err := NewBeside(list[3], Options{}); every != 0 || err != nil {
		t.Errorf("a probe without a grade has one every %s: %v", every, err)
	}
	if _, every, _ := NewBeside(list[2], Options{}); every != time.Hour {
		t.Errorf("graded every %s", every)
	}
}

func TestList_saysWhatIsWrongWithChecksOfWebSites(t *testing.T) {
	for text, want := range map[string]string{
		`{target: https://a.example, header_grade: G}`:                                 `header_grade: "G" is no grade; write one of A+, A, A-, B+, B, B-, C+, C, C-, D+, D, D-, F, or told to promise none`,
		`{target: http://a.example, header_grade: B}`:                                  `header_grade: is for https:// targets: without TLS there is little to grade; write the target with https://`,
		`{target: https://a.example, header_grade: [B]}`:                               `header_grade: must be a grade, as B, the word told, or a mapping with promised`,
		`{target: https://a.example, header_grade: {promised: B, algorithm: 4}}`:       `header_grade.algorithm: 4 is no version that is known here; write 5 or 6`,
		`{target: https://a.example, header_grade: {every: 1s}}`:                       `header_grade.every: 1s is not between 1m and 1d; usual is 10m`,
		`{target: https://a.example, header_grade: {http_url: "https://a.example"}}`:   `header_grade.http_url: is no http:// URL; write one as http://portail.ville.example:8080/, or leave it out for port 80`,
		`{target: "tcp://a.example:25", header_grade: B}`:                              `header_grade: is for targets with https:// and http://, and this one has tcp://; take it out`,
		`{target: http://a.example, oidc: {}}`:                                         `oidc: is for https:// targets: a provider without TLS is none; write the target with https://`,
		`{target: "https://a.example/?x=1", oidc: {}}`:                                 `oidc: is for an issuer, which has no query; write the target as https://connexion.ville.example`,
		`{target: https://a.example, oidc: {issuer: connexion}}`:                       `oidc.issuer: is no issuer; write it as https://connexion.ville.example`,
		`{target: https://a.example, oidc: {}, saml_metadata: {}}`:                     `saml_metadata: cannot go with oidc: each has a document of its own; make two probes of them`,
		`{target: https://a.example, saml_metadata: {entity_id: "a b"}}`:               `saml_metadata.entity_id: is no identifier of an entity; write it as the metadata has it, as https://connexion.ville.example/idp/saml2/metadata`,
		`{target: https://a.example, saml_metadata: {}, journey: [{step: a, url: /}]}`: `saml_metadata: cannot go with journey: one looks at a document, the other at pages; make two probes of them`,
		`{target: https://a.example, journey: []}`:                                     `journey: has no step; write one as {step: login, url: /login/, fields: [username]}`,
		`{target: https://a.example, journey: [{step: a, url: /}], status: 302, body: {contains: x}, follow_redirects: off}`: "status: says nothing of a journey, whose pages are its steps; write it in a step, or take it out\n" +
			"probes[0].body: says nothing of a journey, whose pages are its steps; write it in a step, or take it out\n" +
			"probes[0].follow_redirects: says nothing of a journey, whose pages are its steps; write it in a step, or take it out",
		`{target: https://a.example, ip_version: "5"}`: `ip_version: is no IP version; write 4, 6, or both to look over each by itself; leave it out to use whichever answers`,
	} {
		_, wrong := read(t, "- "+text+"\n")
		if got := strings.Join(wrong, "\n"); got != "probes[0]."+want {
			t.Errorf("%s:\ngot  %s\nwant %s", text, got, "probes[0]."+want)
		}
	}
}
