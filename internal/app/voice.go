package app

import (
	"context"
	"path/filepath"
	"reflect"
	"time"

	"tocsin/alerts"
	"tocsin/alerts/console"
	"tocsin/alerts/fallback"
	"tocsin/alerts/mattermost"
	"tocsin/internal/config"
)

// headline is how much of a message the status page shows.
const headline = 200

// voice is what speaks for a site: Mattermost where it is configured, else the
// console; with mail behind it where a fallback is; measured and remembered.
type voice struct {
	heard
	run func(ctx context.Context) // what it does by itself
}

func (a *App) newVoice(site *config.Site, words alerts.Wording) (*voice, error) {
	first, err := a.firstVoice(site, words, filepath.Join(site.DataDir, "mattermost.json"))
	if err != nil {
		return nil, err
	}
	speaks, run := alerts.Measure(first, a.registry), func(context.Context) {}
	if cfg := site.Alerts.Fallback; !cfg.IsZero() {
		mail, err := fallback.NewMail(cfg.SMTP, words)
		if err != nil {
			return nil, err
		}
		both := fallback.New(speaks, alerts.Measure(mail, a.registry), fallback.Options{After: time.Duration(cfg.After), Logger: a.log})
		speaks, run = both, both.Run
	}
	text := func(n alerts.Notification) string { return words.Headline(n, headline) }
	return &voice{heard: heard{Voice: speaks, memory: a.said, text: text}, run: run}, nil
}

// firstVoice makes Mattermost's voice, which keeps what it said in stateFile
// (empty: nowhere), or the console's.
func (a *App) firstVoice(site *config.Site, words alerts.Wording, stateFile string) (alerts.Voice, error) {
	cfg := site.Alerts.Mattermost
	if cfg.IsZero() {
		return console.New(console.Options{Logger: a.log, Wording: words}), nil
	}
	return mattermost.New(cfg, mattermost.Options{
		StateFile: stateFile, Language: site.Language,
		ExternalURL: site.ExternalURL, Location: words.Location, Logger: a.log,
	})
}

// sameVoice tells whether what speaks is configured as before: then it goes
// on, with what it knows.
func sameVoice(a, b *config.Site) bool {
	return reflect.DeepEqual(a.Alerts.Mattermost, b.Alerts.Mattermost) &&
		reflect.DeepEqual(a.Alerts.Fallback, b.Alerts.Fallback) &&
		a.Language == b.Language && a.Timezone == b.Timezone
}

// healthy is what the heartbeat asks.
func (a *App) healthy() (bool, string) {
	if a.engine == nil {
		return false, "the engine is off"
	}
	return a.engine.Healthy()
}
