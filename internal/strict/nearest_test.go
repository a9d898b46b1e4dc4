package strict

import (
	"testing"
)

func TestNearest(t *testing.T) {
	known := []string{"webhook_url", "url", "token", "on", "site"}
	for word, want := range map[string]string{
		"webhok_url": "webhook_url", "webhook_ulr": "webhook_url", "WebhookURL": "webhook_url",
		"ulr": "url", "tokens": "token", "no": "", "onn": "on", "site": "site", "sites": "site", "colour": "", "": "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
