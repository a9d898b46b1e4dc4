package maildns

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"
)

func TestParseSPF(t *testing.T) {
	for _, c := range []struct{ text, all, redirect, terms, wrong string }{
		{text: "v=spf1 -all", all: "fail"},
		{text: "v=spf1", all: ""},
		{text: "V=SPF1 MX A:mail.asso.example/24//64 ?all", all: "neutral", terms: "mx a"},
		{text: "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 include:_spf.asso.example ~all", all: "softfail", terms: "ip4 ip6 include"},
		{text: "v=spf1  +mx  redirect=_spf.asso.example ", redirect: "_spf.asso.example", terms: "mx"},
		{text: "v=spf1 redirect=_spf.asso.example -all", all: "fail"},
		{text: "v=spf1 -all include:after.asso.example", all: "fail"},
		{text: "v=spf1 exists:%{ir}.%{v}._spf.%{d2} exp=why.asso.example unknown=%{s} all", all: "pass", terms: "exists"},
		{text: "v=spf1 ptr a//64 mx/24", terms: "ptr a mx"},

		{text: "v=spf1 inlcude:_spf.asso.example", wrong: "no such mechanism"},
		{text: "v=spf1 include:", wrong: "domain is missing"},
		{text: "v=spf1 include", wrong: "domain is missing"},
		{text: "v=spf1 ip4:192.0.2.300", wrong: "no IP address"},
		{text: "v=spf1 ip4:2001:db8::1", wrong: "no IP address"},
		{text: "v=spf1 ip4:192.0.2.0/33", wrong: "prefix length"},
		{text: "v=spf1 ip6:2001:db8::/129", wrong: "prefix length"},
		{text: "v=spf1 a:", wrong: "domain is missing"},
		{text: "v=spf1 a/33", wrong: "32 bits"},
		{text: "v=spf1 mx:asso.example/x", wrong: "no full name"},
		{text: "v=spf1 include:_spf.asso.example,all", wrong: "no full name"},
		{text: "v=spf1 include:_spf.asso.example;", wrong: "no full name"},
		{text: "v=spf1 include:192.0.2.1", wrong: "no full name"},
		{text: "v=spf1 include:localhost", wrong: "no full name"},
		{text: "v=spf1 a:%{d}", terms: "a"},
		{text: "v=spf1 all:x", wrong: "nothing behind it"},
		{text: "v=spf1 redirect=a.example redirect=b.example", wrong: "twice"},
		{text: "v=spf1 exists:%{q}.asso.example", wrong: "no macro"},
		{text: "v=spf1 include:é.example", wrong: "not ASCII"},
		{text: "v=spf1 - all", wrong: "no such mechanism"},
		{text: "v=DKIM1", wrong: "v=spf1"},
		{text: "v=spf1 " + strings.Repeat("a ", 300), wrong: "300 terms"},
	} {
		s, err := parseSPF(c.text)
		if err != nil {
			if c.wrong == "" || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: %v", c.text, err)
			}
			continue
		}
		var terms []string
		for _, term := range s.terms {
			terms = append(terms, term.mechanism)
		}
		if c.wrong != "" || s.all != c.all || s.redirect != c.redirect || strings.Join(terms, " ") != c.terms {
			t.Errorf("%s became %+v", c.text, s)
		}
	}
}

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	t.Setenv("GODEBUG", "rsa1024min=0")
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestParseDKIM(t *testing.T) {
	long, short := rsaKey(t, 2048), rsaKey(t, 512)
	encode := base64.StdEncoding.EncodeToString
	pkix, err := x509.MarshalPKIXPublicKey(&long.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := x509.MarshalPKIXPublicKey(&short.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	whole := encode(pkix)
	for _, c := range []struct {
		text  string
		want  dkim
		wrong string
	}{
		{text: "v=DKIM1; k=rsa; p=" + whole, want: dkim{algorithm: "rsa", bits: 2048}},
		{text: "p=" + whole[:50] + " \t" + whole[50:] + ";", want: dkim{algorithm: "rsa", bits: 2048}},
		{text: "v=DKIM1; p=" + encode(x509.MarshalPKCS1PublicKey(&long.PublicKey)), want: dkim{algorithm: "rsa", bits: 2048}},
		{text: "v=DKIM1; t=y:s; h=sha1:sha256; s=email; p=" + encode(weak), want: dkim{algorithm: "rsa", bits: 512, testing: true}},
		{text: "v=DKIM1; k=ed25519; p=" + encode(public), want: dkim{algorithm: "ed25519", bits: 256}},
		{text: "v=DKIM1; p=", want: dkim{algorithm: "rsa", revoked: true}},

		{text: "k=rsa; v=DKIM1; p=", wrong: "first"},
		{text: "v=DKIM2; p=", wrong: "first"},
		{text: "v=DKIM1; k=rsa", wrong: "no p="},
		{text: "v=DKIM1; k=dsa; p=", wrong: "no kind of key"},
		{text: "v=DKIM1; h=sha1; p=", wrong: "sha256"},
		{text: "v=DKIM1; s=tlsrpt; p=", wrong: "not for mail"},
		{text: "v=DKIM1; p=" + whole[:100], wrong: "may be missing"},
		{text: "v=DKIM1; p=" + whole[:101], wrong: "no base64"},
		{text: "v=DKIM1; k=ed25519; p=" + whole, wrong: "32"},
		{text: "v=DKIM1; p=; p=", wrong: "twice"},
		{text: "v=DKIM1 p=", wrong: "v=DKIM1"},
		{text: "hello", wrong: "name=value"},
		{text: "", wrong: "no p="},
	} {
		d, err := parseDKIM(c.text)
		switch {
		case c.wrong != "":
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: got %+v, %v; want an error with %q", c.text, d, err, c.wrong)
			}
		case err != nil || *d != c.want:
			t.Errorf("%s: got %+v, %v", c.text, d, err)
		}
	}
}

func TestParseDMARC(t *testing.T) {
	for _, c := range []struct {
		text  string
		want  dmarc
		wrong string
	}{
		{text: "v=DMARC1; p=none", want: dmarc{"none", "none", 100, false}},
		{text: "v=DMARC1 ;p=Reject;sp=quarantine; pct=50; rua=mailto:a@asso.example!10m, mailto:b@asso.example; adkim=s; aspf=r; fo=1; ri=3600;", want: dmarc{"reject", "quarantine", 50, true}},
		{text: "v=DMARC1; p=reject; ruf=mailto:a@asso.example; unknown=1", want: dmarc{"reject", "reject", 100, false}},

		{text: "p=none; v=DMARC1", wrong: "first"},
		{text: "v=DMARC1", wrong: "no p="},
		{text: "v=DMARC1; p=block", wrong: "no policy"},
		{text: "v=DMARC1; p=none; sp=x", wrong: "no policy"},
		{text: "v=DMARC1; p=none; pct=101", wrong: "0 to 100"},
		{text: "v=DMARC1; p=none; adkim=strict", wrong: "r or s"},
		{text: "v=DMARC1; p=none; ri=day", wrong: "seconds"},
		{text: "v=DMARC1; p=none; rua=dmarc@asso.example", wrong: "mailto:"},
		{text: "v=DMARC1; p=none; rua=mailto:dmarc", wrong: "mail address"},
		{text: "v=DMARC1; p=none, rua=mailto:a@b.example", wrong: "no policy"},
		{text: "v=DMARC1; p=none p=reject", wrong: "no policy"},
	} {
		d, err := parseDMARC(c.text)
		switch {
		case c.wrong != "":
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: got %+v, %v; want an error with %q", c.text, d, err, c.wrong)
			}
		case err != nil || *d != c.want:
			t.Errorf("%s: got %+v, %v", c.text, d, err)
		}
	}
}

func FuzzSPF(f *testing.F) {
	f.Add("v=spf1 a mx/24//64 ip4:192.0.2.1/3 include:%{d}.x exists:%{ir}.b.c redirect=c.d ~all")
	f.Add("v=spf1 -")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseSPF(text)
		if err != nil {
			return
		}
		if s.all != "" && s.redirect != "" {
			t.Errorf("%q has both: %+v", text, s)
		}
		for _, term := range s.terms {
			if (term.mechanism == "include" || term.mechanism == "exists") && term.domain == "" {
				t.Errorf("%q has a term without a domain", text)
			}
		}
		if !isSPF(text) && !strings.HasPrefix(strings.ToLower(text), "v=spf1") {
			t.Errorf("%q was read", text)
		}
	})
}

func FuzzTags(f *testing.F) {
	f.Add("v=DKIM1; k=rsa; h=sha256; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ")
	f.Add("v=DMARC1; p=none; sp=reject; rua=mailto:a@b!1m,https://x; pct=5")
	f.Add("v=TLSRPTv1;rua=mailto:a@b")
	f.Add("v=STSv1; id=1;")
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := parseDKIM(text); err == nil && (d.bits == 0) != d.revoked {
			t.Errorf("%q became %+v", text, d)
		}
		if d, err := parseDMARC(text); err == nil && (d.percent < 0 || d.percent > 100 || d.policy == "" || d.subdomains == "") {
			t.Errorf("%q became %+v", text, d)
		}
		_, _, _ = parseSTS(text), parseTLSRPT(text), begins(text, dmarcVersion)
	})
}
