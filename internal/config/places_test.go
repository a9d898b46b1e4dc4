package config

import (
	"bytes"
	"strings"
	"testing"
)

func TestLoad_probesFromPlaces(t *testing.T) {
	const hosts = "hosts: [par1.ville.example, {address: \"10.0.0.2:999\", name: lyon}]\nprobes:\n"
	for entry, want := range map[string]string{
		"- {target: https://a.example, from: [par1.ville.example, lyon, guet]}":                         "",
		"- {target: https://a.example, from: [guet], username: a, password: mark3r}":                    "",
		"- {target: https://a.example, from: [par1]}":                                                   `probes[0].from[0]: "par1" is neither this machine, guet, nor one of hosts; did you mean par1.ville.example?`,
		"- {target: https://a.example, from: [lyonn]}":                                                  `did you mean lyon?`,
		"- {target: https://a.example, from: [berlin.example]}":                                         `write it under hosts first`,
		"- {target: https://a.example, from: [lyon, lyon]}":                                             `probes[0].from[1]: lyon stands here twice; take one away`,
		`- {target: https://a.example, from: [""]}`:                                                     `probes[0].from[0]: is empty; write the name of an instance, as it stands under hosts`,
		"- {target: https://a.example, from: [lyon], username: a, password: mark3r}":                    `probes[0].from: another instance cannot be told username and password: secrets, logins, names of files, whom else to ask, and what does more than look stay on this machine; take that out, or have the probe made here alone`,
		`- {target: "https://a.example", from: [lyon], method: POST}`:                                   `probes[0].from: another instance cannot be told method`,
		`- {target: "tcp://a.example:1", from: [lyon], tcp: {query_response: [{send: a}]}}`:             `cannot be told tcp.query_response`,
		`- {target: mailtrip://a.example, from: [guet, lyon], username: a@a.example, password: mark3r}`: `probes[0].from: mailtrip:// stays on this machine: it logs in, and sends a mail; take that out, or have the probe made here alone`,
		`- {target: "tcp://a.example:5432", from: [lyon], expect: closed}`:                              "",
		`- {target: https://a.example, from: [guet, lyon], header_grade: B, tls_versions: true}`:        "",
		`- {target: https://a.example, from: [lyon], header_grade: B}`:                                  `probes[0].from: has not this machine, guet, which alone looks after header_grade; write it there, too, or take that out`,
		`- {target: mailtrip://a.example, username: a@a.example, password: mark3r}`:                     "",
	} {
		_, err := loadText(t, hosts+entry+"\n")
		switch {
		case want == "" && err != nil:
			t.Errorf("%s is refused: %v", entry, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: got %v, want %s", entry, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "mark3r") {
			t.Errorf("a secret is repeated: %v", err)
		}
	}
}

func TestOutgoing_probesFromPlaces(t *testing.T) {
	site, err := loadText(t, "engine: off\nhosts: [{address: \"10.0.0.2:999\", name: lyon}]\nprobes: [{target: https://a.example/x, from: [lyon]}]\n")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := WriteOutgoing(&b, site); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[1], "10.0.0.2:999") || !strings.Contains(lines[1], "asked to look at a.example, every 30s") {
		t.Errorf("what leaves this machine is\n%s", b.String())
	}
}

func TestLoad_addressesThatMove(t *testing.T) {
	for text, want := range map[string]string{
		"hosts: [a.ville.example]\naddresses: [{address: 203.0.113.9, hosts: [a.ville.example, guet], dns: www.ville.example}]\n": "",
		"engine: off\naddresses: [{address: 203.0.113.9, hosts: [other, guet]}]\n":                                                "",
		"engine: off\naddresses: [{address: 203.0.113.9, hosts: [other, b]}]\n":                                                   `addresses[0].hosts: has not this machine, guet, which knows no other; write it there, or take the entry away`,
		"hosts: [a.ville.example]\naddresses: [{address: 203.0.113.9, hosts: [a, guet]}]\n":                                       `addresses[0].hosts[0]: "a" is neither this machine, guet, nor one of hosts; did you mean a.ville.example?`,
	} {
		_, err := loadText(t, text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
