package probes

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConfig_mail(t *testing.T) {
	probes, wrong := read(t, `
- target: smtp://mail.ville.example
  starttls: true
  smtp:
    hello: tocsin.ville.example
    mail: {from: <>, to: contact@ville.example}
    plaintext_auth: refused
    greylisting: accepted
    relay_to: nobody@example.net
- target: smtps://mail.ville.example
  username: sonde@ville.example
  password_file: /etc/tocsin/sonde
- target: mailtrip://mail.ville.example
  starttls: true
  username: sonde@ville.example
  password_file: /etc/tocsin/sonde
  mailtrip: {to: retour@autre.example, imap: "imap://boite.autre.example:10143", username: retour, password_file: /etc/tocsin/retour, junk: Junk}
- target: maildns://ville.example
  maildns: {resolvers: ["127.0.0.1:5353"], selectors: [mail2026, s1._x], require: [mx, spf, dmarc, mta_sts, tls_rpt]}
`)
	if wrong != nil {
		t.Fatal(strings.Join(wrong, "\n"))
	}
	var got []string
	for i := range probes {
		p := &probes[i]
		got = append(got, p.Interval.String()+" "+p.RetryInterval.String()+" "+p.Timeout.String()+" "+p.Told())
	}
	if diff := cmp.Diff([]string{
		"30s 5s 10s greeted with EHLO, asked whether it would take mail for contact@ville.example and for nobody@example.net",
		"1m 1m 30s greeted with EHLO, logged in to as sonde@ville.example",
		"5m 1m 2m a small message is sent from sonde@ville.example to retour@autre.example, and fetched and deleted on boite.autre.example",
		"1h 2m30s 30s 127.0.0.1:5353 are asked for the MX and TXT records of ville.example and of what these name",
	}, got); diff != "" {
		t.Error(diff)
	}
}

func TestConfig_badMail(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{
			`- {target: "smtp://mail.ville.example", smtp: {mail: {to: contact@ville.example}}}`,
			`probes[0].smtp.mail.from: is missing; write a mail address, as sonde@ville.example`,
		},
		{
			`- {target: "smtp://mail.ville.example", smtp: {mail: {from: sonde@ville.example, to: "Contact <contact@ville.example>"}}}`,
			`probes[0].smtp.mail.to: is no mail address; write it alone, as sonde@ville.example`,
		},
		{
			`- {target: "smtp://mail.ville.example", smtp: {mail: {from: "a@b.example>\r\nDATA", to: contact@ville.example}}}`,
			`probes[0].smtp.mail.from: is no mail address; write it alone, as sonde@ville.example`,
		},
		{
			`- {target: "smtp://mail.ville.example", smtp: {hello: "a b", plaintext_auth: "no", greylisting: up}}`,
			`probes[0].smtp.hello: is no name of a host; write one as tocsin.ville.example
probes[0].smtp.plaintext_auth: must be told or refused
probes[0].smtp.greylisting: must be refused or accepted`,
		},
		{
			`- {target: "smtp://mail.ville.example", smtp: {relay_to: nobody@example.net}}`,
			`probes[0].smtp.mail: is missing; relay_to is asked for with its sender, so write mail: {from: ..., to: ...}`,
		},
		{
			`- {target: "smtp://mail.ville.example", smtp: {mail: {from: a@ville.example, to: b@ville.example}, relay_to: nobody@Ville.example}}`,
			`probes[0].smtp.relay_to: is in the domain of mail.to, whose mail the server must take; write an address of a domain that is not its own, as nobody@example.net`,
		},
		{
			`- {target: "smtps://mail.ville.example", username: a, password_file: /x, smtp: {mail: {from: a@ville.example, to: b@ville.example}, relay_to: nobody@example.net}}`,
			`probes[0].smtp.relay_to: cannot go with username: who has logged in may send to everybody; make a probe of its own for it, without username`,
		},
		{
			`- {target: "smtp://mail.ville.example", username: a, password_file: /x}`,
			`probes[0].smtp: is asked with a login, whose password would be sent without TLS; write starttls: true beside target`,
		},
		{
			`- {target: "smtps://mail.ville.example", username: a, smtp: {plaintext_auth: refused}}`,
			`probes[0].smtp.plaintext_auth: means nothing with smtps://, where all is said over TLS; take it out
probes[0].smtp: is asked with a login, and username has no password; write password_file beside it`,
		},
		{
			`- {target: "smtps://mail.ville.example", starttls: true}`,
			`probes[0].starttls: means nothing with smtps://, which does not begin without TLS and then ask for it; take it out`,
		},
		{
			`- "mailtrip://mail.ville.example"`,
			`probes[0].mailtrip: has nobody who sends; write username and password_file beside target`,
		},
		{
			`- {target: "mailtrip://mail.ville.example", username: sonde, password_file: /x}`,
			`probes[0].mailtrip.from: is no mail address; write it alone, as sonde@ville.example`,
		},
		{
			`- {target: "mailtrip://mail.ville.example", username: a@b.example, password_file: /x, mailtrip: {imap: "mail.ville.example:993", username: x, folder: "a*", junk: "a*"}}`,
			`probes[0].mailtrip.username: has no password; write password_file beside it
probes[0].mailtrip.imap: is no mailbox's server; write it as imaps://mail.ville.example or, with STARTTLS, imap://mail.ville.example
probes[0].mailtrip.folder: is no name of a folder; write it as INBOX/Tocsin
probes[0].mailtrip.junk: is no name of a folder; write it as INBOX/Tocsin
probes[0].mailtrip.junk: is the same as folder; take it out`,
		},
		{
			`- {target: "maildns://ville.example", maildns: {resolvers: [dns.example], selectors: ["a b", x, x, a..b], require: [dkim, mta-sts]}}`,
			`probes[0].maildns.resolvers[0]: is no address of a name server; write an IP address, with a port if it is not 53, as 192.0.2.53 or [2001:db8::53]:5353
probes[0].maildns.selectors[0]: is no selector; write what stands behind s= in the header DKIM-Signature of a message, as mail2026
probes[0].maildns.selectors[2]: x stands there twice
probes[0].maildns.selectors[3]: is no selector; write what stands behind s= in the header DKIM-Signature of a message, as mail2026
probes[0].maildns.require[0]: cannot be found without its names; write selectors: [...], each of which is required
probes[0].maildns.require[1]: is none of the records; write mx, spf, dmarc, mta_sts or tls_rpt`,
		},
		{
			`- "maildns://192.0.2.1"`,
			`probes[0].maildns: looks at domains, and 192.0.2.1 is none; write the target as maildns://ville.example`,
		},
		{
			`- {target: "https://ville.example", smtp: {hello: x}, maildns: {resolvers: [9.9.9.9]}, mailtrip: {to: a@b.example}}`,
			`probes[0].smtp: is for targets with smtp:// and smtps://, and this one has https://; take it out
probes[0].maildns: is for targets with maildns://, and this one has https://; take it out
probes[0].mailtrip: is for targets with mailtrip://, and this one has https://; take it out`,
		},
	} {
		_, wrong := read(t, c.text)
		if diff := cmp.Diff(c.want, strings.Join(wrong, "\n")); diff != "" {
			t.Errorf("%s:\n%s", c.text, diff)
		}
	}
}
