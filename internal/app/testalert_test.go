package app

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tocsin/alerts/mattermost/mattermosttest"
	"tocsin/internal/config"
)

// TestTestAlert: what a failing Mattermost answers is told, and the next test
// is about itself, not about what failed before.
func TestTestAlert(t *testing.T) {
	t.Parallel() // it waits most of the time
	chat := channel{mattermosttest.New(t)}
	hub := newInstance(t, "hub", fmt.Sprintf("alerts: {mattermost: {webhook_url: %q}}\n", chat.HookURL))
	test := func() (string, error) {
		site, err := config.Load(hub.config)
		if err != nil {
			t.Fatal(err)
		}
		var told strings.Builder
		err = TestAlert(t.Context(), site, Credentials{}, &told)
		return told.String(), err
	}
	told, err := test()
	if err != nil || !contains(told, "No Tocsin answers", "alert: delivered by mattermost", "its end: delivered by mattermost") {
		t.Errorf("without a hub: %v\n%s", err, told)
	}

	hub.start()
	chat.Configure(func(s *mattermosttest.Settings) { s.HooksOff = true })
	if told, err = test(); !errors.Is(err, ErrNotDelivered) || !contains(told, "A Tocsin runs at", "not delivered: alert: mattermost") {
		t.Errorf("webhooks are off: %v\n%s", err, told)
	}
	chat.Configure(func(s *mattermosttest.Settings) { s.HooksOff = false })
	before := len(chat.Posts())
	if told, err = test(); err != nil || !contains(told, "alert: delivered by mattermost", "its end: delivered by mattermost") {
		t.Errorf("through the hub: %v\n%s", err, told)
	}
	if n := len(chat.Posts()) - before; n < 2 {
		t.Errorf("%d posts of the test, want the alert and its end:\n%s", n, chat.known())
	}
}
