package updatewatch

import (
	"context"
	"time"

	"tocsin/internal/frame"
)

// The families of the updates page. Label project is the name in the site
// file; deployed_from who tells what runs, as the site file has it, and empty
// where the file does so itself; forge the host that is asked, which is not
// called host because each target has that label; reason one of forge.Reason;
// code an HTTP status, or error.
var (
	infoFamily = &frame.Family{
		Name: "updatewatch_version_info", Labels: []string{"project", "deployed_from", "deployed", "line", "line_newest", "newest"},
		Help: "What runs here, the newest release of its line, and the newest of all; empty where not known.",
	}
	detectedFamily = &frame.Family{
		Name: "updatewatch_deployed_detected", Labels: []string{"project", "deployed_from"},
		Help: "Whether it is known which version runs here.",
	}
	currentFamily = &frame.Family{
		Name: "updatewatch_up_to_date", Labels: []string{"project", "deployed_from"},
		Help: "Whether what runs here is the newest of its release line; absent where either is not known.",
	}
	behindFamily = &frame.Family{
		Name: "updatewatch_releases_behind", Labels: []string{"project", "deployed_from"},
		Help: "How many releases of the line are newer than what runs here; absent where that is not known.",
	}
	sinceFamily = &frame.Family{
		Name: "updatewatch_behind_since_timestamp_seconds", Labels: []string{"project", "deployed_from"},
		Help: "When the first release of the line came out that is newer than what runs here; absent when up to date.",
	}
	securityFamily = &frame.Family{
		Name: "updatewatch_security_update_waiting", Labels: []string{"project", "deployed_from"},
		Help: "Whether a newer release of the line speaks of security; absent where it is not known what runs here.",
	}
	securitySinceFamily = &frame.Family{
		Name: "updatewatch_security_since_timestamp_seconds", Labels: []string{"project", "deployed_from"},
		Help: "When the first of them came out that speaks of security; absent when none does.",
	}
	newerLineFamily = &frame.Family{
		Name: "updatewatch_newer_line_available", Labels: []string{"project", "deployed_from"},
		Help: "Whether there are releases of a line above the one that runs here.",
	}
	successFamily = &frame.Family{
		Name: "updatewatch_check_success", Labels: []string{"project"},
		Help: "Whether the newest look at the project's source succeeded.",
	}
	failureFamily = &frame.Family{
		Name: "updatewatch_check_failure_info", Labels: []string{"project", "reason"},
		Help: "Why the newest look at the project's source failed; absent when it succeeded.",
	}
	lastFamily = &frame.Family{
		Name: "updatewatch_last_success_timestamp_seconds", Labels: []string{"project"},
		Help: "When the project's source was last read, or said that nothing has changed.",
	}
	everyFamily = &frame.Family{
		Name: "updatewatch_check_interval_seconds", Labels: []string{"project"},
		Help: "How often the project's source is to be asked.",
	}
	tookFamily = &frame.Family{
		Name: "updatewatch_check_duration_seconds", Labels: []string{"project"},
		Help: "How long the newest look took, waiting for one's turn at the host included.",
	}
	rejectedFamily = &frame.Family{
		Name: "updatewatch_rejected_tags", Labels: []string{"project"},
		Help: "Tags of the newest full answer that are no releases by the project's pattern.",
	}
	overrunFamily = &frame.Family{
		Name: "updatewatch_window_overrun", Labels: []string{"project"},
		Help: "Whether all of the newest answer was new, so that releases before it may have been missed.",
	}
	movedFamily = &frame.Family{
		Name: "updatewatch_source_moved", Labels: []string{"project"},
		Help: "Whether the source has a new address for good, which the site file should name.",
	}
	responsesFamily = &frame.Family{
		Name: "updatewatch_http_responses_total", Type: frame.Counter, Labels: []string{"forge", "code"},
		Help: "Answers of the hosts that are asked.",
	}
	remainingFamily = &frame.Family{
		Name: "updatewatch_ratelimit_remaining", Labels: []string{"forge"},
		Help: "What the host said is left of its rate limit; absent where it does not say.",
	}
	saidFamily = &frame.Family{
		Name: "updatewatch_announcements_total", Type: frame.Counter, Labels: []string{"result"},
		Help: "Attempts to tell of updates: ok, or failed.",
	}
	outboxFamily = &frame.Family{
		Name: "updatewatch_outbox_pending",
		Help: "Messages that are still to be said.",
	}
	oldestFamily = &frame.Family{
		Name: "updatewatch_outbox_oldest_timestamp_seconds",
		Help: "When the oldest of them was made; absent without any.",
	}
)

// Families lists what the updates page has.
func Families() []*frame.Family {
	return []*frame.Family{
		infoFamily, detectedFamily, currentFamily, behindFamily, sinceFamily, securityFamily, securitySinceFamily, newerLineFamily,
		successFamily, failureFamily, lastFamily, everyFamily, tookFamily, rejectedFamily, overrunFamily, movedFamily,
		responsesFamily, remainingFamily, saidFamily, outboxFamily, oldestFamily,
	}
}

// Collector makes the updates page. It asks nobody: the watcher has its own
// clock.
func (w *Watcher) Collector() frame.Collector { return collector{w} }

type collector struct{ w *Watcher }

// Name implements frame.Collector.
func (collector) Name() string { return "updates" }

// Families implements frame.Collector.
func (collector) Families() []*frame.Family { return Families() }

// Collect implements frame.Collector.
func (c collector) Collect(_ context.Context, s *frame.Sink) error {
	w := c.w
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, status := range w.statuses() {
		k := w.state.Projects[status.Name]
		send(s, &status, k)
		s.Send(everyFamily, w.all[i].every().Seconds(), status.Name)
	}
	for _, h := range w.client.Hosts() {
		for code, n := range h.Responses {
			s.Send(responsesFamily, float64(n), h.Host, code)
		}
		if h.Remaining >= 0 {
			s.Send(remainingFamily, h.Remaining, h.Host)
		}
	}
	if w.opts.Say == nil {
		return nil
	}
	for result, n := range w.said {
		s.Send(saidFamily, float64(n), result)
	}
	s.Send(outboxFamily, float64(len(w.state.Outbox)))
	var oldest time.Time
	for _, p := range w.state.Outbox {
		if at := p.Announcement.At; oldest.IsZero() || at.Before(oldest) {
			oldest = at
		}
	}
	timestamp(s, oldestFamily, oldest)
	return nil
}

// send sends what is known of one project; what is not, is absent.
func send(s *frame.Sink, status *Status, k *known) {
	name := status.Name
	for i := range status.Deployments {
		d := &status.Deployments[i]
		s.Send(infoFamily, 1, name, d.From, d.Version, d.Line, d.NewestInLine, status.Newest)
		s.Send(detectedFamily, truth(d.Version != ""), name, d.From)
		if !d.Known() {
			continue
		}
		s.Send(currentFamily, truth(d.Current), name, d.From)
		s.Send(behindFamily, float64(d.Behind), name, d.From)
		s.Send(securityFamily, truth(d.Security()), name, d.From)
		s.Send(newerLineFamily, truth(d.NewerLine), name, d.From)
		timestamp(s, sinceFamily, d.BehindSince, name, d.From)
		timestamp(s, securitySinceFamily, d.SecuritySince, name, d.From)
	}
	if !k.LastCheck.IsZero() {
		s.Send(successFamily, truth(k.Reason == ""), name)
		s.Send(tookFamily, k.Took, name)
		s.Send(rejectedFamily, float64(k.Rejected), name)
		s.Send(overrunFamily, truth(k.Overrun), name)
		s.Send(movedFamily, truth(k.MovedTo != ""), name)
	}
	if k.Reason != "" {
		s.Send(failureFamily, 1, name, string(k.Reason))
	}
	timestamp(s, lastFamily, k.LastOK, name)
}

func timestamp(s *frame.Sink, f *frame.Family, at time.Time, labels ...string) {
	if !at.IsZero() {
		s.Send(f, float64(at.UnixMilli())/1000, labels...)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
