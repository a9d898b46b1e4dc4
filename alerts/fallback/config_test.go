package fallback

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"tocsin/internal/problem"
)

func TestConfig(t *testing.T) {
	const rest = "from: a@b.example, to: [c@d.example]"
	for text, want := range map[string][]string{
		"{}": nil,
		"{smtp: {host: smtp.example.org, " + rest + "}}":                                        nil,
		"{smtp: {host: localhost, starttls: false, " + rest + "}}":                              nil,
		"{after: 5m, smtp: {host: x, port: 465, username: u, password_file: /x, " + rest + "}}": nil,
		"{smtp: {host: x, starttls: false, " + rest + "}}": {
			"smtp.starttls: mail must not leave this machine without encryption: leave starttls out, " +
				"use port 465, or send by a mail server on localhost",
		},
		"{smtp: {host: 'smtp://u:s3cret@x:25', " + rest + "}}": {
			"smtp.host: only the mail server's name belongs here: write smtp.example.org, and the port as port",
		},
		"{after: 2h, smtp: {username: u, from: nobody, port: 70000, timeout: 1ms}}": {
			"after: 2h is out of range: write up to 1h",
			"smtp.host: the mail server is missing: write its name, smtp.example.org",
			"smtp.port: 70000 is no port: write 587, or 465",
			"smtp.from: the sender's address is missing or wrong: write tocsin@example.org",
			"smtp.to: nobody gets the mail: write [admin@example.org]",
			"smtp.password_file: a username is given, but no password: write it to a file, and the file's path here",
			"smtp.timeout: 1ms is out of range: write 1s to 5m",
		},
		"{smtp: {host: x, from: a@b.example, to: [x, c@d.example], password: s3cret, password_file: /x}}": {
			`smtp.to[0]: "x" is no address: write admin@example.org`,
			"smtp.password_file: password is given too: keep one of the two",
			"smtp.username: a password is given, but no username: write both, or none",
		},
	} {
		var c Config
		if err := yaml.Unmarshal([]byte(text), &c); err != nil {
			t.Fatal(err)
		}
		c.SetDefaults()
		p := problem.New()
		c.Validate(p)
		var got []string
		for _, x := range p.All() {
			got = append(got, x.Path+": "+x.Text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
		if strings.Contains(fmt.Sprint(got), "s3cret") {
			t.Errorf("%s: the secret is repeated", text)
		}
	}
}

func TestConfig_defaults(t *testing.T) {
	for text, want := range map[string]string{
		"{host: x}":                         "587 true",
		"{host: x, port: 465}":              "465 false",
		"{host: 127.0.0.1}":                 "25 false",
		"{host: localhost, starttls: true}": "25 true",
	} {
		var c Config
		if err := yaml.Unmarshal([]byte("{smtp: "+text+"}"), &c); err != nil {
			t.Fatal(err)
		}
		c.SetDefaults()
		if got := fmt.Sprint(c.SMTP.Port, " ", *c.SMTP.StartTLS); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
