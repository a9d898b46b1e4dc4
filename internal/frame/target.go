package frame

import (
	"log/slog"
	"time"
)

// A Spec describes one target: what it is called, what fills its page, and
// how often it should be asked.
type Spec struct {
	Job      string            // node, postgres, rabbitmq, probe, brick, updates
	ID       string            // slug, unique in the job; the page's last path element
	Instance string            // what the world calls it; job and instance are unique over the site
	Labels   map[string]string // what else whoever scrapes puts on: host, brick, kind, the site's own

	Interval      time.Duration // how often the page should be scraped
	RetryInterval time.Duration // the same while a collector explains a failure; 0 is Interval
	Timeout       time.Duration // what one scrape may take

	Collectors []Entry

	// OpenMetrics lets the page be asked for in that format. Pages whose names
	// are those of another exporter answer the classic text only, as it does.
	OpenMetrics bool
	// Alias, where set, repeats duration and success of the collectors under
	// <Alias>_duration_seconds and <Alias>_success: node_scrape_collector.
	Alias string
}

// An Entry is one collector of a target.
type Entry struct {
	Collector Collector
	// Every gives the collector its own clock: it runs once an interval
	// however many scrape, and the page has its newest result. 0 runs it at
	// each scrape.
	Every time.Duration
	// Timeout bounds one run of a collector with its own clock; 0 is 80 % of
	// Every. At a scrape the scraper's own timeout decides.
	Timeout time.Duration
}

// A State is how one collector of a target stands, for the status page.
type State struct {
	Collector   string
	LastRun     time.Time
	LastSuccess time.Time // zero: never
	Duration    time.Duration
	Reason      Reason // empty: the last run succeeded
	Error       string // the last run's error, in words
	Explain     string // what the collector found wrong with what it measures
	Running     bool   // it is running now
	FailedSince time.Time
}

// A Target is one thing measured, ready to be asked for its page.
type Target struct {
	spec Spec
	log  *slog.Logger
	runs runs
}
