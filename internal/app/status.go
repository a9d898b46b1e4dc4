package app

import (
	"context"
	"slices"
	"strings"
	"time"

	"tocsin/alerts"
	"tocsin/alerts/engine"
	"tocsin/internal/web"
	"tocsin/internal/web/status"
)

// status tells how the site stands, for the status page.
func (a *App) status(ctx context.Context) *web.Status {
	g := a.current.Load()
	s := &web.Status{
		Language: g.site.Language, Site: g.site.Site, Host: g.site.HostName(), Version: a.opts.Version,
		Now: time.Now().In(g.site.Location()), Started: a.started,
		Configuration: status.Configuration{File: g.site.File(), LoadedAt: g.loadedAt},
	}
	if r := a.refused.Load(); r != nil {
		s.Configuration.Refused, s.Configuration.RefusedAt = r.err.Error(), r.at
	}
	s.Soon, s.Last = g.certificateSoon, g.certificateLast
	names := g.probeNames()
	own := map[string]bool{} // what this instance measures, or has measured elsewhere
	for _, t := range g.targets() {
		standing := web.TargetStatus(t)
		own[t.Spec().Job+"\xff"+t.Spec().Instance] = true
		if l := lookerOf(t); l != nil {
			tellLooks(&standing, t, l)
			standing.Name = names[t]
			if from := t.Spec().Labels["from"]; from != s.Host {
				standing.From = from
			}
		}
		s.Targets = append(s.Targets, standing)
		s.Gaps = append(s.Gaps, asides(t)...)
		if b, ok := brickStatus(t, s.Now); ok {
			s.Bricks = append(s.Bricks, b)
		}
		s.Certificates = append(s.Certificates, certificates(t)...)
	}
	if g.updates != nil {
		s.Updates = followed(g.updates.Status())
	}
	for _, what := range g.site.Unwatched() {
		section, detail, _ := strings.Cut(what, ": ")
		s.Gaps = append(s.Gaps, status.Gap{What: section, Detail: detail})
	}
	for _, m := range a.said.newest() {
		s.Messages = append(s.Messages, status.Message{At: m.at, Voice: m.voice, Text: m.text, Error: m.err})
	}
	if a.engine != nil {
		now := a.engine.Status(ctx)
		if !a.engine.Ready() || now.LastEval.IsZero() && time.Since(a.started) < time.Minute {
			s.Starting = true
		}
		now.Targets = slices.DeleteFunc(now.Targets, func(t engine.TargetHealth) bool {
			return own[t.Job+"\xff"+t.Instance] // known better by the target itself
		})
		judged(s, now, g.words)
		a.elsewhere(ctx, s, now.Targets, g.site.HostName())
		downSince(s.Bricks, s.Alerts)
	}
	return s
}

// judged adds what the engine knows.
func judged(s *web.Status, e engine.Status, words alerts.Wording) {
	say := func(text string, with ...any) string { return said(s.Language, text, with...) }
	for _, f := range e.Firing {
		as := alerts.Alert{Labels: f.Labels, Annotations: f.Annotations}
		alert := status.Alert{
			Name: as.Name(), Severity: as.Severity(), Summary: words.Summary(as), Description: words.Description(as),
			Detail: f.Detail, Labels: f.Labels, Since: f.StartsAt, NoDataSince: f.NoDataSince,
		}
		if f.Silenced != nil {
			alert.Silence = &status.Silence{By: f.Silenced.By, Reason: f.Silenced.Comment, Until: f.Silenced.Until}
		}
		if f.Inhibited {
			continue // its cause is on the list
		}
		alert.Page = pageOf(s.Targets, f.Labels)
		s.Alerts = append(s.Alerts, alert)
	}
	for _, t := range e.Targets {
		target := status.Target{Job: t.Job, Instance: t.Instance, State: status.Good, LastSuccess: t.Scraped}
		switch {
		case t.Scraped.IsZero():
			target.State = status.Unknown
		case !t.Up:
			target.State, target.Detail, target.LastSuccess = status.Down, t.Err, time.Time{}
		}
		s.Targets = append(s.Targets, target)
	}
	for _, l := range e.Lists {
		if l.Err != "" {
			s.Gaps = append(s.Gaps, status.Gap{What: say("the list of targets of %s", l.Host), Detail: say("%s; the last good one is used", l.Err), Since: l.Since})
		}
		if l.Duplicate != "" {
			s.Gaps = append(s.Gaps, status.Gap{What: l.Duplicate, Detail: say("in the list of %s: another target has the same job and instance, this one is not scraped", l.Host)})
		}
		for _, name := range l.Lost {
			s.Gaps = append(s.Gaps, status.Gap{What: name, Detail: say("left the list of %s: it is no longer watched", l.Host)})
		}
	}
	if e.SetAside != "" {
		s.Gaps = append(s.Gaps, status.Gap{What: say("measurements from before"), Detail: say("could not be opened and are kept in %s", e.SetAside)})
	}
	s.Engine = &status.Engine{Series: int(e.Series), Rules: e.Rules, LastEvaluation: e.LastEval, Oldest: e.Oldest, DiskBytes: e.DiskBytes, DiskLimitBytes: e.DiskLimit} //nolint:gosec // a count of series fits
	switch {
	case e.BallastGone:
		s.Engine.Trouble = say("the disk is full")
	case e.DeliveryError != "":
		s.Engine.Trouble = say("the newest message was not delivered: %s", e.DeliveryError)
	case !s.Starting && time.Since(e.LastEval) > time.Minute:
		s.Engine.Trouble = say("rules are not evaluated")
	}
	slices.SortStableFunc(s.Alerts, func(a, b status.Alert) int { return a.Since.Compare(b.Since) })
}
