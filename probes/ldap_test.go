package probes

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/secret"
	"tocsin/internal/testenv"
	"tocsin/probes/ldapprobe"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/protocol"
	"tocsin/probes/tlscheck"
)

const (
	people = "ou=people,dc=ville,dc=example"
	moni   = "uid=moni," + people
)

func password(text string) protocol.Login {
	return protocol.Login{Username: moni, Password: secret.New(text)}
}

// openldap is a directory with a good certificate of root's, that takes
// client certificates of root's too.
func openldap(t *testing.T, global, database string, root *probetest.Authority) *testenv.Directory {
	t.Helper()
	testenv.Program(t, "slapd", "slapd")
	cert, key := probetest.WritePair(t, root.Leaf(t, probetest.Spec{Name: "localhost"}))
	return testenv.Slapd(t, global, database, map[string]string{
		"server.pem": content(t, cert), "server.key": content(t, key), "ca.pem": content(t, probetest.WritePEM(t, root)),
	})
}

// TestLDAP_ownPasswordWithoutTLS has a directory that is not on this machine
// take a password that anybody could overhear.
func TestLDAP_ownPasswordWithoutTLS(t *testing.T) {
	d := openldap(t, "", "", probetest.NewAuthority(t, probetest.Spec{Name: "Root"}))
	elsewhere := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, d.LDAP)
	}
	for target, fault := range map[string]string{"ldap://192.0.2.1": "the probe's own password without TLS", "ldap://127.0.0.1": ""} {
		r, page := look(t, Config{Target: target, Login: password("secret-moni")}, Options{Dial: elsewhere})
		wantReason(t, r, page, "", "")
		wantFault(t, &r, fault)
	}
}

// TestLDAP_openldap asks a real server, in each of the ways.
func TestLDAP_openldap(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	d := openldap(t, "TLSVerifyClient allow", "", root)
	ca := tlscheck.Config{CAFile: probetest.WritePEM(t, root)}
	byCert := ca
	byCert.CertFile, byCert.KeyFile = probetest.WritePair(t, root.Leaf(t, probetest.Spec{Name: "probe", Change: forClients}))
	named := ca
	named.CertFile, named.KeyFile = probetest.WritePair(t, root.Leaf(t, probetest.Spec{Change: func(c *x509.Certificate) {
		forClients(c)
		c.Subject = pkix.Name{Organization: []string{"Ville"}, CommonName: "probe"}
	}}))
	search := ldapprobe.Config{Base: people, Filter: "(uid=moni)"}
	for _, c := range []struct {
		name   string
		cfg    Config
		reason probe.Reason
		phase  string
		says   string
		series map[string]float64
	}{
		{"anonymous", Config{Target: "ldap://" + d.LDAP}, "", "", "", map[string]float64{
			`probe_ldap_result_info{operation="bind",result="success"}`: 1, `probe_ldap_result_info{operation="root",result="success"}`: 1,
			`probe_ldap_naming_context_info{context="dc=ville,dc=example"}`: 1,
		}},
		{"search", Config{Target: "ldap://" + d.LDAP, LDAP: search}, "", "", "", map[string]float64{"probe_ldap_search_entries": 1}},
		{"whole subtree", Config{Target: "ldap://" + d.LDAP, LDAP: ldapprobe.Config{Base: "dc=ville,dc=example", Entries: 3}}, "", "", "", map[string]float64{"probe_ldap_search_entries": 3}},
		{"one level", Config{Target: "ldap://" + d.LDAP, LDAP: ldapprobe.Config{Base: "dc=ville,dc=example", Scope: "one"}}, "", "", "", map[string]float64{"probe_ldap_search_entries": 1}},
		{"too few", Config{Target: "ldap://" + d.LDAP, LDAP: ldapprobe.Config{Base: people, Filter: "(uid=*)", Entries: 2}}, probe.Body, "transfer", "at least 2 must be found", map[string]float64{"probe_ldap_search_entries": 1}},
		{"no such base", Config{Target: "ldap://" + d.LDAP, LDAP: ldapprobe.Config{Base: "dc=other,dc=example"}}, probe.Status, "transfer", "noSuchObject", map[string]float64{
			`probe_ldap_result_info{operation="search",result="noSuchObject"}`: 1,
		}},
		{"ldaps", Config{Target: "ldaps://" + d.LDAPS, TLS: ca, Login: password("secret-moni"), LDAP: search}, "", "", "", map[string]float64{
			`probe_ldap_result_info{operation="bind",result="success"}`: 1, `probe_tls_version_info{version="TLS 1.3"}`: 1,
		}},
		{"starttls", Config{Target: "ldap://" + d.LDAP, StartTLS: true, TLS: ca, Login: password("secret-moni"), LDAP: search}, "", "", "", map[string]float64{
			`probe_tls_version_info{version="TLS 1.3"}`: 1,
		}},
		{"other password", Config{Target: "ldaps://" + d.LDAPS, TLS: ca, Login: password("other-secret")}, probe.LoginRefused, "processing", "invalidCredentials", map[string]float64{
			`probe_ldap_result_info{operation="bind",result="invalidCredentials"}`: 1,
		}},
		{"unknown authority", Config{Target: "ldaps://" + d.LDAPS, Login: password("secret-moni")}, probe.TLSUnknownAuthority, "tls", "", nil},
		{"certificate", Config{Target: "ldaps://" + d.LDAPS, TLS: byCert}, "", "", "", map[string]float64{
			`probe_ldap_result_info{operation="bind",result="success"}`: 1,
		}},
		{"certificate by starttls", Config{Target: "ldap://" + d.LDAP, StartTLS: true, TLS: named}, "", "", "", nil},
		{"plaintext bind", Config{Target: "ldap://" + d.LDAP, StartTLS: true, TLS: ca, LDAP: ldapprobe.Config{PlaintextBind: "refused"}}, probe.PlaintextAuth, "processing", "invalidCredentials", map[string]float64{
			"probe_ldap_plaintext_bind_accepted": 1, `probe_ldap_result_info{operation="plaintext_bind",result="invalidCredentials"}`: 1,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, page := look(t, c.cfg, Options{})
			wantReason(t, r, page, c.reason, c.phase)
			if !strings.Contains(r.Explain(), c.says) {
				t.Errorf("it says %q, not %q", r.Explain(), c.says)
			}
			for series, value := range c.series {
				page.wants(t, series, value)
			}
			for _, s := range r.Steps {
				if strings.Contains(s.Text, "secret-moni") || strings.Contains(s.Text, "other-secret") {
					t.Errorf("a password is told: %s", s.Text)
				}
			}
		})
	}
	if log := d.Output(); !strings.Contains(log, `BIND dn="cn=probe,o=Ville" mech=EXTERNAL`) && !strings.Contains(log, `cn=probe,o=ville`) {
		t.Errorf("nobody bound by certificate: %s", log)
	}
}

// TestLDAP_strict asks a server that is as it should be.
func TestLDAP_strict(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	ca := tlscheck.Config{CAFile: probetest.WritePEM(t, root)}
	for name, conf := range map[string][2]string{"all databases": {"security simple_bind=128", ""}, "one database": {"", "security simple_bind=128"}} {
		t.Run(name, func(t *testing.T) {
			d := openldap(t, conf[0], conf[1], root)
			cfg := Config{
				Target: "ldap://" + d.LDAP, StartTLS: true, TLS: ca, Login: password("secret-moni"),
				LDAP: ldapprobe.Config{Base: people, PlaintextBind: "refused"},
			}
			r, page := look(t, cfg, Options{})
			wantReason(t, r, page, "", "")
			page.wants(t, "probe_ldap_plaintext_bind_accepted", 0)
			page.wants(t, `probe_ldap_result_info{operation="plaintext_bind",result="confidentialityRequired"}`, 1)

			cfg.StartTLS, cfg.TLS, cfg.LDAP.PlaintextBind = false, tlscheck.Config{}, ""
			r, page = look(t, cfg, Options{})
			wantReason(t, r, page, probe.Encryption, "processing")
		})
	}
}

// TestLDAP_bad has servers that hang, lie and go away.
func TestLDAP_bad(t *testing.T) {
	for _, c := range []struct {
		name   string
		talk   func(net.Conn)
		reason probe.Reason
		says   string
	}{
		{"silent", probetest.Hang, probe.Timeout, "binding"},
		{"closes", func(net.Conn) {}, probe.Reset, ""},
		{"resets", func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); probetest.Reset(c) }, probe.Reset, ""},
		{"HTTP", says("HTTP/1.1 400 Bad Request\r\n\r\n"), probe.Protocol, "does not speak LDAP"},
		{"2 GB", says("\x30\x84\x7f\xff\xff\xff"), probe.TooLarge, "more than"},
		{"endless elements", says("\x30\x82\x01\x00" + strings.Repeat("\x30\x80", 128)), probe.Protocol, ""},
		{"deep", says("\x30\x1c" + "\x30\x1a\x30\x18\x30\x16\x30\x14\x30\x12\x30\x10\x30\x0e\x30\x0c\x30\x0a\x30\x08\x30\x06\x30\x04\x30\x02\x30\x00"), probe.TooLarge, "deep"},
		{"an answer without a result", func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			says("\x30\x05\x02\x01\x01\x61\x00")(c)
		}, probe.Protocol, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, page := look(t, Config{Target: "ldap://" + probetest.TCP(t, c.talk), Timeout: model.Duration(2 * time.Second)}, Options{})
			wantReason(t, r, page, c.reason, "processing")
			if !strings.Contains(r.Explain(), c.says) {
				t.Errorf("it says %q, not %q", r.Explain(), c.says)
			}
		})
	}
}

// FuzzLDAP has servers that say anything: the look ends, with a reason.
func FuzzLDAP(f *testing.F) {
	f.Add([]byte("\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00"))
	f.Add([]byte("\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x31\x04\x00\x04\x00\x30\x84\x7f\xff\xff\xff"))
	f.Add([]byte("\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00" +
		"\x30\x2f\x02\x01\x02\x64\x2a\x04\x00\x30\x26\x30\x24\x04\x0enamingContexts\x31\x12\x04\x10dc=ville,dc=test" +
		"\x30\x0c\x02\x01\x02\x65\x07\x0a\x01\x00\x04\x00\x04\x00"))
	c := Config{Target: "ldap://127.0.0.1:389", LDAP: ldapprobe.Config{Base: "dc=x", Filter: "(a=b)", Scope: "sub", Entries: 1}}
	f.Fuzz(func(t *testing.T, said []byte) {
		p, err := NewProber(c, Options{Dial: func(ctx, string, string) (net.Conn, error) {
			server, client := net.Pipe()
			go func() { // ends when either side closes
				go probetest.Hang(server)
				_, _ = server.Write(said)
				_ = server.Close()
			}()
			return client, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		r := p.Probe(t.Context())
		if !r.Success && (r.Reason == "" || r.Reason == probe.Other) {
			t.Errorf("no reason: %v, %v", r.Err, r.Unmeasured)
		}
	})
}

func TestLDAP_badConfig(t *testing.T) {
	wantsWrong(t, []wrongEntry{
		{`- {target: ldap://a.example, ldap: {filter: (uid=a)}}`, `probes[0].ldap.filter: says how to search, and base, where, is missing; write it as dc=ville,dc=example`},
		{`- {target: ldap://a.example, ldap: {base: ville}}`, `probes[0].ldap.base: is no distinguished name; write one as dc=ville,dc=example`},
		{`- {target: ldap://a.example, ldap: {base: dc=a, filter: uid=a(}}`, `probes[0].ldap.filter: is no filter of LDAP; write one as (uid=moni), with its brackets`},
		{`- {target: ldap://a.example, ldap: {base: dc=a, scope: all}}`, `probes[0].ldap.scope: is not how deep one can search; write base, one or sub`},
		{`- {target: ldap://a.example, ldap: {base: dc=a, entries: 5000}}`, `probes[0].ldap.entries: 5000 is not between 1 and 1000`},
		{`- {target: ldap://a.example, username: cn=a}`, `probes[0].ldap: binds as a username without a password, whom a server takes for nobody and lets in; write password_file beside username`},
		{`- {target: ldap://a.example, ldap: {plaintext_bind: no}}`, `probes[0].ldap.plaintext_bind: is not to be "no"; write refused, or leave it out`},
		{`- {target: ldaps://a.example, ldap: {plaintext_bind: refused}}`, `probes[0].ldap.plaintext_bind: is tried on the port that begins without TLS; write it on an ldap:// target with starttls: true`},
		{`- {target: ldap://a.example, username: cn=a, password: b, ldap: {plaintext_bind: refused}}`, `probes[0].ldap.plaintext_bind: is to be refused, and username sends its own password without TLS; write starttls: true beside it`},
		{`- {target: ldaps://a.example, starttls: true}`, `probes[0].starttls: means nothing with ldaps://, which does not begin without TLS and then ask for it; take it out`},
		{`- {target: ldap://a.example/dc=a}`, `probes[0].target: has more than a host and a port in it; write it as ldap://annuaire.ville.example`},
	})
	wantsRight(t, `
- ldap://annuaire.ville.example
- target: ldap://annuaire2.ville.example
  starttls: true
  username: cn=moni,dc=ville,dc=example
  password_file: /etc/tocsin/ldap
  ldap: {base: "dc=ville,dc=example", filter: (uid=moni), entries: 1, plaintext_bind: refused}
`)
}
