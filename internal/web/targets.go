package web

import (
	"strings"

	"tocsin/internal/frame"
	"tocsin/internal/web/status"
)

// TargetStatus tells how a target of this instance stands, from how its
// collectors do. Collectors that were never run count as not asked yet.
func TargetStatus(t *frame.Target) status.Target {
	spec := t.Spec()
	out := status.Target{Job: spec.Job, Instance: spec.Instance}
	var explained []string
	var fine, asked int
	for _, s := range t.States() {
		if s.LastRun.IsZero() || (s.Running && s.Reason == "" && s.LastSuccess.IsZero()) {
			continue // not asked, or its first run is still under way
		}
		asked++
		if s.Reason == "" {
			fine++
		} else {
			out.Failures = append(out.Failures, status.Failure{
				Collector: s.Collector, Reason: string(s.Reason), Error: s.Error, Since: s.FailedSince,
			})
			if out.Since.IsZero() || (!s.FailedSince.IsZero() && s.FailedSince.Before(out.Since)) {
				out.Since = s.FailedSince
			}
		}
		if s.LastSuccess.After(out.LastSuccess) {
			out.LastSuccess = s.LastSuccess
		}
		if s.Explain != "" {
			explained = append(explained, s.Explain)
		}
	}
	out.Detail = strings.Join(explained, "\n")
	switch {
	case asked == 0:
		out.State = status.Unknown
	case fine == 0:
		out.State = status.Down
	case len(explained) > 0:
		out.State = status.Trouble
	case fine < asked:
		out.State = status.Partial
	default:
		out.State = status.Good
	}
	return out
}
