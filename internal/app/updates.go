package app

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"

	"tocsin/alerts"
	"tocsin/internal/config"
	"tocsin/internal/frame"
	"tocsin/updatewatch"
)

// brickPatience is how long a brick may take to say which version it is.
const brickPatience = 5 * time.Second

// watchUpdates makes the watcher over releases and its target, where the site
// follows any. Without an engine nobody is told: its metrics are all there is.
func (a *App) watchUpdates(g *generation) error {
	site := g.site
	if site.Updates.IsZero() {
		return nil
	}
	options := updatewatch.Options{
		StateFile: updatesState(site), Deployed: a.deployed,
		UserAgent: "Tocsin/" + a.opts.Version + " (watches releases)", Log: a.log,
	}
	if g.voice != nil {
		say, err := a.updatesVoice(g)
		if err != nil {
			return err
		}
		options.Say = say
	}
	w, err := updatewatch.New(site.Updates, options)
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

// updatesVoice is the voice of alerts, or one of its own where updates have a
// channel of their own. Only a bot can choose its channel.
func (a *App) updatesVoice(g *generation) (func(context.Context, updatewatch.Announcement) error, error) {
	var voice alerts.Voice = g.voice
	m := g.site.Alerts.Mattermost
	if own := g.site.Updates.Channel; own != "" && m.URL != "" && own != m.Channel {
		site := *g.site
		site.Alerts.Mattermost.Channel = own
		first, err := a.firstVoice(&site, g.words, filepath.Join(site.DataDir, "mattermost-updates.json"))
		if err != nil {
			return nil, err
		}
		text := func(n alerts.Notification) string { return g.words.Headline(n, headline) }
		voice = heard{Voice: alerts.Measure(first, a.registry), memory: a.said, text: text}
	}
	return func(ctx context.Context, said updatewatch.Announcement) error {
		_, err := voice.Say(ctx, updateNotification(said)) // said again later, whatever kind of error it is
		return err
	}, nil
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

// deployed asks a brick of this instance which version it is: the label of
// its brick_version_info.
func (a *App) deployed(ctx context.Context, p updatewatch.Project) (string, bool) {
	name, ok := strings.CutPrefix(p.DeployedFrom, "brick/")
	g := a.current.Load()
	if !ok || g == nil {
		return "", false
	}
	ctx, cancel := context.WithTimeout(ctx, brickPatience)
	defer cancel()
	for _, t := range g.targets() {
		if t.Spec().Labels["brick"] != name {
			continue
		}
		for _, family := range t.Gather(ctx) {
			if family.GetName() != "brick_version_info" {
				continue
			}
			for _, m := range family.GetMetric() {
				if v := label(m, "version"); v != "" {
					return v, true
				}
			}
		}
	}
	return "", false
}

// Updates tells how the projects of a site stand, from what its Tocsin has
// written down. It asks nobody and needs no running Tocsin.
func Updates(site *config.Site) ([]updatewatch.Status, error) {
	if site.Updates.IsZero() {
		return nil, nil
	}
	w, err := updatewatch.New(site.Updates, updatewatch.Options{StateFile: updatesState(site)})
	if err != nil {
		return nil, err
	}
	return w.Status(), nil
}

func label(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}
