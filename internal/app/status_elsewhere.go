package app

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tocsin/alerts/engine"
	"tocsin/internal/web"
	"tocsin/internal/web/status"
)

// askPatience bounds what the status page asks the engine.
const askPatience = 3 * time.Second

// elsewhereSeries are what tells of the bricks, certificates and projects of
// other hosts.
const elsewhereSeries = "brick_up|brick_failure_info|brick_version_info|brick_metric_missing|brick_request_failure_info|" +
	"probe_ssl_earliest_cert_expiry|probe_ssl_last_chain_expiry_timestamp_seconds|probe_ssl_last_chain_info|" +
	"probe_hop_certificate_expiry_timestamp_seconds|probe_certificate_problem_info|probe_failure_info|" +
	"updatewatch_version_info|updatewatch_releases_behind|updatewatch_behind_since_timestamp_seconds|" +
	"updatewatch_security_update_waiting|updatewatch_newer_line_available|" +
	"updatewatch_check_success|updatewatch_check_failure_info|updatewatch_last_success_timestamp_seconds"

// page is what one target of another host said last: samples by name.
type page map[string][]engine.Sample

// value returns a family's one value; false where it has none.
func (p page) value(name string) (float64, bool) {
	if s := p[name]; len(s) > 0 {
		return s[0].Value, true
	}
	return 0, false
}

func (p page) at(name string) time.Time {
	seconds, _ := p.value(name)
	return moment(seconds)
}

func moment(seconds float64) time.Time {
	if seconds <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(seconds * 1000))
}

// elsewhere adds the bricks, certificates and projects of other hosts, from
// what the engine has stored of them.
func (a *App) elsewhere(ctx context.Context, s *web.Status, targets []engine.TargetHealth, self string) {
	if len(targets) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	samples, err := a.engine.Ask(ctx, fmt.Sprintf("{__name__=~%q,from!=%q}", elsewhereSeries, self))
	if err != nil {
		s.Gaps = append(s.Gaps, status.Gap{What: said(s.Language, "bricks, certificates and updates of other hosts"), Detail: err.Error()})
	}
	type key struct{ job, instance string }
	pages := map[key]page{}
	for _, x := range samples {
		k := key{x.Labels["job"], x.Labels["instance"]}
		if pages[k] == nil {
			pages[k] = page{}
		}
		pages[k][x.Name] = append(pages[k][x.Name], x)
	}
	for i := range targets {
		t := &targets[i]
		p := pages[key{t.Job, t.Instance}]
		if _, judged := p["brick_up"]; judged || t.Job == "brick" {
			s.Bricks = append(s.Bricks, brickElsewhere(t, p))
		}
		s.Certificates = append(s.Certificates, certificatesElsewhere(t.Instance, p)...)
		s.Updates = append(s.Updates, updatesElsewhere(t.Instance, p)...)
	}
}

// brickElsewhere tells of a brick of another host.
func brickElsewhere(t *engine.TargetHealth, p page) status.Brick {
	b := newBrick(t.Job, t.Instance, t.Labels)
	switch {
	case t.Scraped.IsZero():
		return b
	case !t.Up:
		b.State, b.Detail = status.Down, t.Err
		return b
	}
	for _, x := range p["brick_version_info"] {
		b.Version = x.Labels["version"]
	}
	b.Failed = parts(p["brick_request_failure_info"], "request")
	b.Missing = parts(p["brick_metric_missing"], "metric")
	up, known := p.value("brick_up")
	b.State = brickState(&b, known, up == 1)
	if b.State == status.Trouble {
		for _, x := range p["brick_failure_info"] {
			b.Reason = x.Labels["reason"]
		}
	}
	return b
}

func parts(samples []engine.Sample, label string) []status.Part {
	var all []status.Part
	for _, x := range samples {
		all = append(all, status.Part{Name: x.Labels[label], Reason: x.Labels["reason"]})
	}
	slices.SortFunc(all, func(a, b status.Part) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Reason, b.Reason))
	})
	return all
}

// certificatesElsewhere tells of what a probe of another host saw. Of the last
// server the page has the fingerprint and the chain's end.
func certificatesElsewhere(instance string, p page) []status.Certificate {
	hops := map[string]status.Certificate{}
	last := ""
	for _, x := range p["probe_hop_certificate_expiry_timestamp_seconds"] {
		hop := x.Labels["hop"]
		one := status.Certificate{Name: instance, NotAfter: moment(x.Value)}
		if hop != "0" {
			one.Name = hopName(instance, 1, x.Labels["server"])
		}
		hops[hop] = one
		if len(hop) > len(last) || len(hop) == len(last) && hop > last {
			last = hop
		}
	}
	failure := ""
	for _, x := range p["probe_failure_info"] {
		failure = x.Labels["reason"]
	}
	for _, x := range p["probe_certificate_problem_info"] {
		one, ok := hops[x.Labels["hop"]]
		if reason := x.Labels["reason"]; ok && (one.Reason == "" || reason == failure) {
			one.Reason, one.Accepted = reason, !strings.HasPrefix(failure, "tls_")
			hops[x.Labels["hop"]] = one
		}
	}
	if one, ok := hops[last]; ok {
		for _, x := range p["probe_ssl_last_chain_info"] {
			one.Fingerprint = x.Labels["fingerprint_sha256"]
		}
		if end := p.at("probe_ssl_last_chain_expiry_timestamp_seconds"); !end.IsZero() {
			one.NotAfter = end
		} else if end := p.at("probe_ssl_earliest_cert_expiry"); !end.IsZero() {
			one.NotAfter = end
		}
		hops[last] = one
	}
	var seen []status.Certificate
	for _, hop := range slices.Sorted(maps.Keys(hops)) {
		seen = append(seen, hops[hop])
	}
	return seen
}

// updatesElsewhere tells of the projects that another host follows. When its
// source was last asked is not among its metrics, only when that succeeded.
func updatesElsewhere(host string, p page) []status.Update {
	type key struct{ project, from string } // a series about all deployments has no from
	of := map[key]*status.Update{}
	several := map[string]int{}
	for _, x := range p["updatewatch_version_info"] {
		k := key{x.Labels["project"], x.Labels["deployed_from"]}
		several[k.project]++
		of[k] = &status.Update{
			Project: k.project, Host: host, Deployed: x.Labels["deployed"], NewestInLine: x.Labels["line_newest"], Newest: x.Labels["newest"],
		}
	}
	each := func(family string, set func(u *status.Update, x engine.Sample)) {
		for _, x := range p[family] {
			for k, u := range of {
				if from, told := x.Labels["deployed_from"]; k.project == x.Labels["project"] && (!told || from == k.from) {
					set(u, x)
				}
			}
		}
	}
	each("updatewatch_releases_behind", func(u *status.Update, x engine.Sample) { u.Behind = int(x.Value) })
	each("updatewatch_behind_since_timestamp_seconds", func(u *status.Update, x engine.Sample) { u.BehindSince = moment(x.Value) })
	each("updatewatch_security_update_waiting", func(u *status.Update, x engine.Sample) { u.Security = x.Value == 1 })
	each("updatewatch_newer_line_available", func(u *status.Update, x engine.Sample) { u.NewLine = x.Value == 1 })
	each("updatewatch_check_failure_info", func(u *status.Update, x engine.Sample) { u.Reason = x.Labels["reason"] })
	each("updatewatch_last_success_timestamp_seconds", func(u *status.Update, x engine.Sample) { u.Read = moment(x.Value) })
	// What vanished while the hub was stopped still seems to be there for some
	// minutes: a success is believed more than a reason for failure.
	each("updatewatch_check_success", func(u *status.Update, x engine.Sample) {
		if x.Value == 1 {
			u.Reason, u.Asked = "", u.Read
		}
	})
	var updates []status.Update
	for k, u := range of {
		if several[k.project] > 1 {
			u.Project = deploymentName(k.project, k.from)
		}
		updates = append(updates, *u)
	}
	slices.SortFunc(updates, func(a, b status.Update) int { return strings.Compare(a.Project, b.Project) })
	return updates
}
