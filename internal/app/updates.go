package app

import (
	"context"
	"path/filepath"
	"time"

	"tocsin/alerts"
	"tocsin/internal/config"
	"tocsin/internal/frame"
	"tocsin/updatewatch"
)

// watchUpdates makes the watcher over releases and its target, where the site
// follows any. Without an engine nobody is told: its metrics are all there is.
func (a *App) watchUpdates(g, old *generation) error {
	site := g.site
	followed := site.AllUpdates()
	if followed.IsZero() {
		return nil
	}
	deployed, err := g.deployments(a.log)
	if err != nil {
		return err
	}
	options := updatewatch.Options{
		StateFile: updatesState(site), Deployed: deployed.version,
		UserAgent: "Tocsin/" + a.opts.Version + " (watches releases)", Log: a.log,
	}
	if g.voice != nil {
		if err := a.updatesVoice(g, old); err != nil {
			return err
		}
		options.Say = func(ctx context.Context, said updatewatch.Announcement) error {
			_, err := g.updatesVoice.Say(ctx, updateNotification(said)) // said again later, whatever kind of error it is
			return err
		}
	}
	w, err := updatewatch.New(followed, options)
	if err != nil {
		return err
	}
	interval := time.Duration(site.Intervals.Updates)
	g.updates = w
	g.view.Targets = append(g.view.Targets, frame.NewTarget(frame.Spec{
		Job: "updates", ID: "releases", Instance: site.HostName(), Labels: labels(site, ""),
		Interval: interval, Timeout: min(10*time.Second, share(interval)), OpenMetrics: true,
		Collectors: []frame.Entry{{Collector: w.Collector()}},
	}, a.log))
	return nil
}

func updatesState(site *config.Site) string { return filepath.Join(site.DataDir, "updates.json") }

// updatesVoice gives a generation the voice for updates: that of alerts, or
// one of its own where updates have a channel of their own. Only a bot can
// choose its channel. One that is configured as before goes on: it knows what
// it has said.
func (a *App) updatesVoice(g, old *generation) error {
	g.updatesVoice = g.voice
	m := g.site.Alerts.Mattermost
	own := g.site.Updates.Channel
	switch {
	case own == "" || m.URL == "" || own == m.Channel:
		return nil
	case old != nil && old.updates != nil && g.voice == old.voice && own == old.site.Updates.Channel:
		g.updatesVoice = old.updatesVoice
		return nil
	}
	site := *g.site
	site.Alerts.Mattermost.Channel = own
	first, err := a.firstVoice(&site, g.words, filepath.Join(site.DataDir, "mattermost-updates.json"))
	if err != nil {
		return err
	}
	text := func(n alerts.Notification) string { return g.words.Headline(n, headline) }
	g.updatesVoice = heard{Voice: alerts.Measure(first, a.registry), memory: a.said, text: text}
	return nil
}

// updateNotification puts an announcement into the form that voices speak.
func updateNotification(said updatewatch.Announcement) alerts.Notification {
	name := map[updatewatch.Topic]string{
		updatewatch.Update: "UpdateAvailable", updatewatch.Summary: "UpdatesFollowed", updatewatch.Remind: "UpdatesWaiting",
	}[said.Topic]
	one := alerts.Alert{
		// The version is a label: a further release is worth a word in the thread.
		Labels:      map[string]string{"alertname": name, "severity": alerts.Info},
		Annotations: map[string]string{},
		StartsAt:    said.Since, Link: said.URL,
	}
	for label, value := range map[string]string{"project": said.Project, "version": said.Version} {
		if value != "" && !said.Resolved {
			one.Labels[label] = value
		}
	}
	if said.Security {
		one.Labels["severity"] = alerts.Warning
	}
	n := alerts.Notification{
		Group: said.Group, Labels: map[string]string{"alertname": name}, Reason: alerts.First, At: said.At,
	}
	if said.Resolved {
		one.EndsAt, n.Reason = said.At, alerts.AllSettled
	}
	for language, text := range said.Texts {
		suffix := "_" + language
		if language == "en" {
			suffix = ""
		}
		one.Annotations["summary"+suffix], one.Annotations["description"+suffix] = text.Summary, text.Description
	}
	n.Alerts = []alerts.Alert{one}
	return n
}

// Updates tells how the projects of a site stand, from what its Tocsin has
// written down. It asks nobody and needs no running Tocsin.
func Updates(site *config.Site) ([]updatewatch.Status, error) {
	followed := site.AllUpdates()
	if followed.IsZero() {
		return nil, nil
	}
	w, err := updatewatch.New(followed, updatewatch.Options{StateFile: updatesState(site)})
	if err != nil {
		return nil, err
	}
	return w.Status(), nil
}
