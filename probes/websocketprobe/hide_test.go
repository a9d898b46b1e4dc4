package websocketprobe

import (
	"testing"

	"tocsin/probes/probe"
)

func TestSecrets_areHiddenValueByValue(t *testing.T) {
	const send = `{"type": "auth", "tokens": ["mark3r-token", {"x": "Bienvenue"}], "n": 12345678}`
	clean := probe.NewRedactor(secrets(send, "^Bienvenue")...)
	for said, want := range map[string]string{
		send:                          "[redacted]",
		"auth: no token mark3r-token": "auth: no token [redacted]",
		"Bienvenue":                   "Bienvenue", // expect shows it
	} {
		if got := clean.Text(said); got != want {
			t.Errorf("%s is shown as %s, want %s", said, got, want)
		}
	}
	if got := probe.NewRedactor(secrets("plain text", "")...).Text("plain text, plain"); got != "[redacted], plain" {
		t.Errorf("what is no JSON is shown as %s", got)
	}
}
