package mattermost

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"tocsin/alerts"
)

// Options are what a voice needs besides its configuration. All may be zero.
type Options struct {
	// StateFile keeps what was said over restarts. Of the voices that share
	// one, only one may be speaking: a reload stops the old before the new is
	// first used. Empty keeps it in memory.
	StateFile string
	// Transport replaces the HTTP transport (and with it ca_file).
	Transport http.RoundTripper
	// Language is fr, or English.
	Language string
	// ExternalURL is where a post leads whose alert has no link of its own.
	ExternalURL string
	Location    *time.Location // nil is UTC
	Logger      *slog.Logger   // nil discards
	Now         func() time.Time
}

// A Voice says notifications in a channel. It implements alerts.Voice, and
// may be used from several goroutines, one for a group.
type Voice struct {
	cfg    Config
	http   *http.Client
	store  *store
	render renderer
	gate   *gate
	log    *slog.Logger
	now    func() time.Time
	newID  func() string // names intents
	bot    bot
}

// New returns a voice. The configuration has been validated. New connects to
// nothing and reads no secret; it fails when ca_file can't be used.
func New(cfg Config, opts Options) (*Voice, error) {
	cfg.SetDefaults()
	if !cfg.wantsHook() && !cfg.wantsBot() {
		return nil, errors.New("mattermost: neither a webhook nor a bot is configured")
	}
	client, err := newHTTPClient(cfg, opts.Transport)
	if err != nil {
		return nil, fmt.Errorf("mattermost: %w", err)
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	v := &Voice{
		cfg:   cfg,
		http:  client,
		store: &store{path: opts.StateFile, now: opts.Now, log: opts.Logger},
		render: renderer{
			words:    alerts.Wording{Language: opts.Language, Location: opts.Location},
			external: opts.ExternalURL,
			mentions: cfg.Mentions,
		},
		gate:  &gate{now: time.Now, pause: pause},
		log:   opts.Logger,
		now:   opts.Now,
		newID: func() string { return strings.ToLower(rand.Text()) }, // 26 letters and digits, as the server's own
	}
	if travelsInClear(cfg.URL) || travelsInClear(cfg.WebhookURL.Reveal()) {
		v.log.Warn("the Mattermost server is spoken to without encryption: its credentials can be read on the network")
	}
	return v, nil
}

// Name implements alerts.Voice.
func (v *Voice) Name() string { return "mattermost" }

// Close gives up idle connections.
func (v *Voice) Close() { v.http.CloseIdleConnections() }

// Say implements alerts.Voice.
func (v *Voice) Say(ctx context.Context, n alerts.Notification) (bool, error) {
	if len(n.Alerts) == 0 {
		return false, nil
	}
	var err error
	if v.cfg.wantsHook() {
		err = v.sayByHook(ctx, n)
	} else {
		err = v.sayAsBot(ctx, n)
	}
	if err == nil {
		return false, nil
	}
	if call, ok := errors.AsType[*callError](err); ok {
		return call.retry(), alerts.Fail(call.cause, fmt.Errorf("mattermost: %w", call))
	}
	return false, alerts.Fail(alerts.CauseConfig, fmt.Errorf("mattermost: %w", err))
}
