package app

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tocsin/alerts/mattermost/mattermosttest"
)

// BenchmarkAlertLatency measures, with default settings, how long it takes
// from a condition that is true to the request at Mattermost, and from its end
// to the edit: a file system of its own is filled and emptied at random
// moments. Run it with -benchtime 10x; the figures are medians and maxima.
//
// For comparison: a Prometheus and an Alertmanager with 15 s intervals and
// default grouping took 42 s and 297 s (medians, on a machine of this kind).
func BenchmarkAlertLatency(b *testing.B) {
	srv := newDisk(b)
	chat := channel{mattermosttest.New(b)}
	hub := newInstance(b, "hub", fmt.Sprintf(`host: {mount_points: {include: "^%s$"}}
alerts:
  rules: {HostRebooted: {off: true}}
  mattermost: {url: "%s", token: %s, channel: %s/%s, reopen_within: 1s}
`, srv.path, chat.URL, chat.Token, chat.Team, chat.Channel))
	hub.start()
	var fired, mended []time.Duration
	for b.Loop() {
		<-time.After(2*time.Second + rand.N(5*time.Second)) //nolint:gosec // a phase, no secret
		srv.fill(b)
		fired = append(fired, untilColor(b, chat, false))
		<-time.After(2*time.Second + rand.N(5*time.Second)) //nolint:gosec // a phase, no secret
		srv.empty(b)
		mended = append(mended, untilColor(b, chat, true))
	}
	report(b, fired, "fired")
	report(b, mended, "mended")
}

// untilColor waits until the newest post is green, or is not.
func untilColor(b *testing.B, chat channel, isGreen bool) time.Duration {
	return eventually(b, time.Minute, "the post", chat.known, func() bool {
		posts := chat.Posts()
		return len(posts) > 0 && (posts[len(posts)-1].Color() == green) == isGreen
	})
}

func report(b *testing.B, took []time.Duration, what string) {
	if len(took) == 0 {
		return
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds(), "median-s-"+what)
	b.ReportMetric(took[len(took)-1].Seconds(), "max-s-"+what)
	b.ReportMetric(0, "ns/op") // the loop waits on purpose
}
