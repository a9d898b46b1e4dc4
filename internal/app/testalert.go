package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"tocsin/alerts"
	"tocsin/internal/config"
	"tocsin/internal/secret"
)

const (
	testAlert    = "TocsinTest"
	testPatience = 40 * time.Second // for one message to be delivered by a running hub
	maxAnswer    = 16 << 20
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
	hub := &runningHub{client: &http.Client{Timeout: 10 * time.Second}, base: pageURL(site, site.Listen), who: who}
	switch err := hub.find(ctx); {
	case err == nil:
		fmt.Fprintf(w, "A Tocsin runs at %s: the alert goes through it.\n", hub.base)
		return hub.test(ctx, site, w)
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

func testLabels(site *config.Site) map[string]string {
	return map[string]string{"alertname": testAlert, "severity": "info", "host": site.HostName()}
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
	_, err := h.do(ctx, http.MethodGet, "-/healthy", nil)
	var network net.Error
	if errors.As(err, &network) && ctx.Err() == nil {
		return errNobody
	}
	return err
}

// do asks the hub; its answer is bounded and, when it is a refusal, told in
// its words.
func (h *runningHub) do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, h.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask the hub: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
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
	if resp.StatusCode >= http.StatusMultipleChoices {
		return nil, fmt.Errorf("the hub answers %d: %.300s", resp.StatusCode, strings.TrimSpace(string(b)))
	}
	return b, nil
}

func (h *runningHub) test(ctx context.Context, site *config.Site, w io.Writer) error {
	began := time.Now()
	for _, step := range []struct {
		what string
		ends bool
	}{{"alert", false}, {"its end", true}} {
		before, err := h.counts(ctx)
		if err != nil {
			return err
		}
		posted := map[string]any{"labels": testLabels(site), "annotations": testWords(site), "startsAt": began, "endsAt": began.Add(10 * time.Minute)}
		if step.ends {
			posted["endsAt"] = time.Now()
		}
		body, err := json.Marshal([]any{posted})
		if err != nil {
			return fmt.Errorf("test alert: %w", err)
		}
		if _, err := h.do(ctx, http.MethodPost, "api/v2/alerts", body); err != nil {
			return err
		}
		if err := h.await(ctx, step.what, before, w); err != nil {
			return err
		}
	}
	return nil
}

// await watches the hub's counters: one of its voices delivers, or fails.
func (h *runningHub) await(ctx context.Context, what string, before map[string]float64, w io.Writer) error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, testPatience)
	defer cancel()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: the hub took the alert, and within %s said nothing; is it silenced? (amtool silence query)", ErrNotDelivered, testPatience)
		case <-tick.C:
		}
		now, err := h.counts(ctx)
		if err != nil {
			return err
		}
		for series, value := range now {
			voice, reason, failed := strings.Cut(series, " failed: ")
			switch {
			case value <= before[series]:
			case failed:
				return fmt.Errorf("%w: %s by %s failed: %s; the hub's log has the words", ErrNotDelivered, what, voice, reason)
			default:
				fmt.Fprintf(w, "%s: delivered by %s after %s.\n", what, voice, time.Since(began).Round(100*time.Millisecond))
				return nil
			}
		}
	}
}

// counts reads, by voice, when it last delivered, and how often it failed by
// reason.
func (h *runningHub) counts(ctx context.Context) (map[string]float64, error) {
	b, err := h.do(ctx, http.MethodGet, "metrics", nil)
	if err != nil {
		return nil, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(b))
	if err != nil {
		return nil, errors.New("the hub's page is no page of metrics: is it a Tocsin?")
	}
	out := map[string]float64{}
	for _, m := range families["tocsin_notification_last_success_timestamp_seconds"].GetMetric() {
		out[label(m, "voice")] = m.GetGauge().GetValue()
	}
	for _, m := range families["tocsin_notifications_failed_total"].GetMetric() {
		out[label(m, "voice")+" failed: "+label(m, "reason")] = m.GetCounter().GetValue()
	}
	return out, nil
}

func label(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}
