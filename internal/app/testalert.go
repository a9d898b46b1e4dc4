package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"tocsin/alerts"
	"tocsin/internal/config"
	"tocsin/internal/secret"
)

const (
	testAlert = "TocsinTest"
	maxAnswer = 1 << 20
	// hubPatience is how long a running hub may take for both messages.
	hubPatience = 90 * time.Second
)

// ErrNotDelivered is behind a test alert that did not arrive.
var ErrNotDelivered = errors.New("the test alert was not delivered")

// Credentials are for a hub that asks who writes.
type Credentials struct {
	Username string
	Password secret.Source
}

// TestAlert sends a test alert the whole way, and then its end, and tells on w
// what happens. With a Tocsin running under this site file the alert is handed
// to it, so that grouping, silences and its own connection are tested too;
// else this process speaks by itself, and says so.
func TestAlert(ctx context.Context, site *config.Site, who Credentials, w io.Writer) error {
	if site.Engine.Off {
		return fmt.Errorf("%w: the engine is off in this site file: this instance says nothing; run it with the hub's", ErrConfig)
	}
	hub := &runningHub{client: &http.Client{Timeout: hubPatience}, base: pageURL(site, site.Listen), who: who}
	switch err := hub.find(ctx); {
	case err == nil:
		fmt.Fprintf(w, "A Tocsin runs at %s: the alert goes through it.\n", hub.base)
		return hub.test(ctx, w)
	case !errors.Is(err, errNobody):
		return err
	}
	fmt.Fprintf(w, "No Tocsin answers at %s: this command speaks by itself, with the same configuration.\n", hub.base)
	return testDirectly(ctx, site, w)
}

// testDirectly says both messages by a voice of its own.
func testDirectly(ctx context.Context, site *config.Site, w io.Writer) error {
	a := &App{log: slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelWarn})), said: &memory{}}
	words := alerts.Wording{Language: site.Language, Location: site.Location()}
	voice, err := a.firstVoice(site, words, "")
	if err != nil {
		return err
	}
	now := time.Now()
	n := alerts.Notification{
		Group: "test/" + now.UTC().Format(time.RFC3339Nano), Labels: map[string]string{"alertname": testAlert}, Reason: alerts.First, At: now,
		Alerts: []alerts.Alert{{Labels: testLabels(site), Annotations: testWords(site), StartsAt: now}},
	}
	say := func(what string) error {
		began := time.Now()
		_, err := voice.Say(ctx, n)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrNotDelivered, what, err)
		}
		fmt.Fprintf(w, "%s: delivered by %s after %s.\n", what, voice.Name(), time.Since(began).Round(time.Millisecond))
		return nil
	}
	if err := say("alert"); err != nil {
		return err
	}
	n.Reason, n.At = alerts.AllSettled, time.Now()
	n.Alerts[0].EndsAt = n.At
	return say("its end")
}

// testLabels make a group of its own for each test: one that failed does not
// answer for the next.
func testLabels(site *config.Site) map[string]string {
	return map[string]string{
		"alertname": testAlert, "severity": "info", "host": site.HostName(),
		"brick": "test-" + time.Now().UTC().Format("150405.000"),
	}
}

func testWords(site *config.Site) map[string]string {
	return map[string]string{
		"summary":        "Test: " + site.HostName() + " can speak here",
		"description":    "Somebody ran `tocsin notify test`. Nothing is wrong.",
		"summary_fr":     "Essai : " + site.HostName() + " sait parler ici",
		"description_fr": "Quelqu'un a lancé `tocsin notify test`. Tout va bien.",
	}
}

// runningHub is a Tocsin that runs under the same site file.
type runningHub struct {
	client *http.Client
	base   string
	who    Credentials
}

var errNobody = errors.New("nobody answers")

func (h *runningHub) find(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := h.do(ctx, http.MethodGet, "-/healthy")
	if _, ok := errors.AsType[net.Error](err); ok {
		return errNobody
	}
	return err
}

// do asks the hub; its answer is bounded and, when it is a refusal, told in
// its words.
func (h *runningHub) do(ctx context.Context, method, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, h.base+path, nil)
	if err != nil {
		return nil, fmt.Errorf("ask the hub: %w", err)
	}
	if h.who.Username != "" {
		password, err := h.who.Password.Read()
		if err != nil {
			return nil, err
		}
		req.SetBasicAuth(h.who.Username, password.Reveal())
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the hub: %w", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("ask the hub: %w", err)
	}
	if resp.StatusCode == http.StatusUnauthorized {
		return nil, fmt.Errorf("%w: the hub asks who you are: give --username and --password-file", ErrConfig)
	}
	if resp.StatusCode == http.StatusBadGateway {
		return b, ErrNotDelivered
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return nil, fmt.Errorf("the hub answers %d: %.300s", resp.StatusCode, strings.TrimSpace(string(b)))
	}
	return b, nil
}

// test lets the hub send the alert, and tells what it says.
func (h *runningHub) test(ctx context.Context, w io.Writer) error {
	account, err := h.do(ctx, http.MethodPost, "-/notify/test")
	if len(account) > 0 {
		fmt.Fprintln(w, strings.TrimSpace(string(account)))
	}
	return err
}

// testAlert is what a running hub does when it is asked for a test.
func (a *App) testAlert(ctx context.Context, w io.Writer) error {
	g := a.current.Load()
	return a.engine.Try(ctx, testLabels(g.site), testWords(g.site), func(what string, took time.Duration) {
		fmt.Fprintf(w, "%s: delivered by %s after %s.\n", what, g.voice.Name(), took.Round(100*time.Millisecond))
	})
}
