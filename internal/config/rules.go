package config

import (
	"slices"

	"tocsin/alerts/rules"
	"tocsin/bricks"
	"tocsin/exporters/host"
	"tocsin/exporters/host/addresses"
	"tocsin/exporters/host/backups"
	"tocsin/exporters/postgres"
	"tocsin/exporters/rabbitmq"
	"tocsin/internal/frame"
	"tocsin/internal/problem"
	"tocsin/probes"
	"tocsin/updatewatch"
)

// checkRules reads the site's own rule files beside the shipped ones, applies
// the overrides, and proves that every metric they name is exported by
// somebody.
func (s *Site) checkRules(p problem.List, folder string) {
	shipped, err := rules.Load()
	if err != nil {
		p.At("alerts").At("rules").Addf("the shipped rules are broken: %v (this is a fault of Tocsin, please report it)", err)
		return
	}
	before := len(p.All())
	s.rules = slices.Concat(shipped, s.kindRules(p), rules.Read(p.At("alerts").At("rule_files"), folder, s.Alerts.RuleFiles))
	s.Alerts.Rules.Validate(p.At("alerts").At("rules"), s.rules)
	for _, found := range rules.CheckMetrics(s.rules, s.exported(), s.MetricsFromElsewhere) {
		p.At(found.Path).Addf("%s", found.Text)
	}
	if len(p.All()) > before {
		return
	}
	if s.ruleTexts, err = rules.Render(s.rules, s.Alerts.Rules); err != nil {
		p.At("alerts").At("rule_files").Addf("%v", err)
	}
}

// Exported lists the names, or patterns of names, of all metrics that Tocsins
// export, with the shipped kinds of bricks.
func Exported() ([]string, error) {
	kinds, err := bricks.Load()
	s := Site{loaded: loaded{kinds: kinds}}
	return s.exported(), err
}

// exported lists the names, or patterns of names, of all that Tocsins export.
// What this host's collectors leave out, another's may measure: rules on a hub
// are about all of them.
func (s *Site) exported() []string {
	names := OwnMetrics()
	add := func(families []*frame.Family) {
		for _, f := range families {
			names = append(names, f.Name)
		}
	}
	add(host.Families())
	add(backups.Families())
	add(addresses.Families())
	add(postgres.Families())
	add(rabbitmq.Families())
	add(probes.Families())
	add(updatewatch.Families())
	for i := range s.Postgres {
		add(s.Postgres[i].OwnFamilies())
	}
	return append(names, s.kindMetrics()...)
}

// OwnMetrics lists what a Tocsin exports about itself: its own names, and
// patterns where a library decides them.
func OwnMetrics() []string {
	return []string{
		"go_*", "process_*", "promhttp_*", // client_golang's collectors
		"prometheus_*", "net_conntrack_*", // the engine's storage, scraping and rules
		"alertmanager_*", // the engine's pipeline
		"node_scrape_collector_duration_seconds", "node_scrape_collector_success",
		"tocsin_build_info", "tocsin_unwatched",
		"tocsin_config_last_reload_successful", "tocsin_config_last_reload_success_timestamp_seconds",
		"tocsin_collector_duration_seconds", "tocsin_collector_success",
		"tocsin_collector_failure_info", "tocsin_collector_last_success_timestamp_seconds",
		"tocsin_http_requests_total", "tocsin_http_refusals_total", "tocsin_http_page_problems_total",
		"blackbox_module_unknown_total", // as of blackbox_exporter, whose GET /probe is answered
		"tocsin_heartbeat_sent_total", "tocsin_heartbeat_last_success_timestamp_seconds",
		"tocsin_notifications_total", "tocsin_notifications_failed_total", "tocsin_notification_last_success_timestamp_seconds",
	}
}
