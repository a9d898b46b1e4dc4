package brick

import (
	"tocsin/bricks"
	"tocsin/internal/frame"
)

// What every brick has.
var (
	upFamily = &frame.Family{
		Name: "brick_up", Type: frame.Gauge,
		Help: "Whether the service is well, judged by the content of its answers; absent where that cannot be judged.",
	}
	failureFamily = &frame.Family{
		Name: "brick_failure_info", Type: frame.Gauge, Labels: []string{"reason"},
		Help: "Why the service is not well; absent when it is.",
	}
	versionFamily = &frame.Family{
		Name: "brick_version_info", Type: frame.Gauge, Labels: []string{"version"},
		Help: "The version that runs, as the service tells it; absent where it does not.",
	}
	startFamily = &frame.Family{
		Name: "brick_start_time_seconds", Type: frame.Gauge,
		Help: "When the service started, as it tells; absent where it does not.",
	}
	needsFamily = &frame.Family{
		Name: "brick_needs_info", Type: frame.Gauge, Labels: []string{"needs"},
		Help: "What the service cannot work without.",
	}
	scrapeFamily = &frame.Family{
		Name: "brick_scrape_duration_seconds", Type: frame.Gauge,
		Help: "How long asking and judging took this time, without the requests that have a clock of their own.",
	}
	missingFamily = &frame.Family{
		Name: "brick_metric_missing", Type: frame.Gauge, Labels: []string{"metric", "reason"},
		Help: "A metric that should be on this page and could not be had, and why.",
	}
	requestUpFamily = &frame.Family{
		Name: "brick_request_success", Type: frame.Gauge, Labels: []string{"request"},
		Help: "Whether the newest of these requests was answered in full.",
	}
	requestFailureFamily = &frame.Family{
		Name: "brick_request_failure_info", Type: frame.Gauge, Labels: []string{"request", "reason"},
		Help: "Why the newest of these requests failed; absent when it did not.",
	}
	requestDurationFamily = &frame.Family{
		Name: "brick_request_duration_seconds", Type: frame.Gauge, Labels: []string{"request"},
		Help: "How long the newest of these requests took.",
	}
)

// Families lists what every brick's page may have, whatever its kind.
func Families() []*frame.Family {
	return []*frame.Family{
		upFamily, failureFamily, versionFamily, startFamily, needsFamily, scrapeFamily, missingFamily,
		requestUpFamily, requestFailureFamily, requestDurationFamily,
	}
}

// families returns those of a kind's own metrics by name, and those that only
// declare what is passed on.
func families(k bricks.Kind) (own map[string]*frame.Family, all []*frame.Family) {
	own = map[string]*frame.Family{}
	for _, m := range k.Metrics {
		if own[m.Name] != nil {
			continue
		}
		f := &frame.Family{Name: m.Name, Help: m.Help, Type: frame.Gauge, Labels: m.LabelNames()}
		if m.Type == "counter" {
			f.Type = frame.Counter
		}
		own[m.Name] = f
		all = append(all, f)
	}
	for _, name := range k.RequestNames() {
		for _, pattern := range k.Requests[name].Pass {
			all = append(all, &frame.Family{Name: pattern, Help: "Passed on from the service's own page of metrics.", Type: frame.Untyped})
		}
	}
	return own, all
}
