package dashboards

// quietAlerts are left out where alerts are counted: Watchdog always fires.
const quietAlerts = `alertname!="Watchdog"`

// drawOverview draws the whole site: what is wrong first, then all that is
// watched.
func drawOverview(l *limits) board {
	return draw(overviewUID, "Site overview", "What is wrong on the site now, and everything that is watched, with the way to each.",
		"overview", "up", ","+quietAlerts,
		section{title: "Now", panels: []panel{
			stat("Alerts firing", "Alerts that fire anywhere on the site, silenced ones too; the filters above do not apply. No number means that no rules are evaluated.",
				"none", "No rules are evaluated",
				ask(`count(ALERTS{alertstate="firing",`+quietAlerts+`})
					or 0 * count(ALERTS{alertstate="firing",alertname="Watchdog"})`, "firing")).counting(bad),
			stat("Hosts down", "Machines whose Tocsin does not answer.", "none", "No host is watched",
				ask(`sum(up{$scope,job="node"} == bool 0)`, "down")).counting(bad).to("Hosts", hostUID),
			stat("Services failing", "Probes that do not find the service as it should be.", "none", "Nothing is probed",
				ask(`sum(probe_success{$scope} == bool 0)`, "failing")).counting(bad).to("Probes and certificates", probesUID),
			stat("First certificate ends in", "Days until the first certificate that a probe met ends.", "d", "No certificate seen",
				ask(`(min(instance:probe_certificate_expiry_timestamp_seconds:min{$scope}) - time()) / 86400`, "days")).
				decimals(0).ringing(l, "CertificateExpiringSoon", "CertificateExpiring").to("Probes and certificates", probesUID),
			stat("Fullest file system", "How full the fullest file system of the site is, as df counts it.", "percentunit", "No host is watched",
				ask(`max((node_filesystem_size_bytes{$scope} - node_filesystem_free_bytes{$scope})
					/ (node_filesystem_size_bytes{$scope} - node_filesystem_free_bytes{$scope} + node_filesystem_avail_bytes{$scope})
					unless node_filesystem_readonly{$scope} == 1)`, "full")).decimals(0).ringing(l, "HostDiskFull").to("Hosts", hostUID),
			stat("Not measured", "Pages that cannot be had, and parts of pages that could not be measured: what may be wrong there is not known.",
				"none", "Nothing is watched",
				ask(`sum(up{$scope} == bool 0) + (sum(tocsin_collector_success{$scope} == bool 0) or vector(0))`, "not measured")).counting(warning),
		}},
		section{title: "Alerts", panels: []panel{
			table(l, "What fires", "Every alert that fires now, silenced ones too; the filters above do not apply. The status page says since when and what to do.",
				column{name: "Alert", label: "alertname"},
				column{name: "Severity", label: "severity", words: severities()},
				column{name: "Host", label: "host"},
				column{name: "Job", label: "job"},
				column{name: "Instance", label: "instance"},
				column{name: "Mount", label: "mountpoint"},
				column{expr: `count by (alertname, severity, host, job, instance, mountpoint) (ALERTS{alertstate="firing",` + quietAlerts + `})`},
			).size(12, 8),
			series("Alerts over time", "How many alerts fired, by severity; the filters above do not apply.", "none",
				ask(`count by (severity) (ALERTS{alertstate="firing",`+quietAlerts+`})`, "{{severity}}")).stacked().fromZero().decimals(0),
		}},
		section{title: "Hosts", panels: []panel{
			table(l, "Hosts", "The machines of the site. A click on a name leads to its dashboard.",
				column{name: "Host", label: "instance", to: hostUID},
				column{name: "State", expr: `max by (instance) (up{$scope,job="node"})`, unit: "none", words: upDown()},
				column{name: "Up for", expr: `max by (instance) (node_time_seconds{$scope} - node_boot_time_seconds{$scope})`, unit: "s"},
				column{name: "Processors in use", expr: `1 - avg by (instance) (rate(node_cpu_seconds_total{$scope,mode="idle"}[$__rate_interval]))`, unit: "percentunit"},
				column{
					name: "Memory available", expr: `min by (instance) (node_memory_MemAvailable_bytes{$scope} / node_memory_MemTotal_bytes{$scope})`,
					unit: "percentunit", rules: []string{"HostMemoryLow"},
				},
				column{name: "Fullest file system", expr: `max by (instance) ((node_filesystem_size_bytes{$scope} - node_filesystem_free_bytes{$scope})
					/ (node_filesystem_size_bytes{$scope} - node_filesystem_free_bytes{$scope} + node_filesystem_avail_bytes{$scope})
					unless node_filesystem_readonly{$scope} == 1)`, unit: "percentunit", rules: []string{"HostDiskFull"}},
			),
		}},
		section{title: "Services", panels: []panel{
			table(l, "Probes", "The services as a user finds them. A click on a name leads to its dashboard.",
				column{name: "Service", label: "instance", to: probesUID},
				column{name: "State", expr: `max by (instance) (probe_success{$scope})`, unit: "none", words: words("Failing", bad, "Good", good)},
				column{name: "Answers in", expr: `max by (instance) (probe_duration_seconds{$scope})`, unit: "s", decimals: 2},
				column{
					name: "Certificate ends in", expr: `(min by (instance) (instance:probe_certificate_expiry_timestamp_seconds:min{$scope}) - time()) / 86400`,
					unit: "d", rules: []string{"CertificateExpiringSoon", "CertificateExpiring"},
				},
			),
			table(l, "Bricks", "The services as they say themselves that they are. A click on a name leads to its dashboard.",
				column{name: "Brick", label: "instance", to: brickUID},
				column{name: "Kind", label: "kind"},
				column{name: "State", expr: `min by (instance, kind) (brick_up{$scope})`, unit: "none", words: upDown()},
			).size(12, 8),
			table(l, "Updates", "What is deployed, and the newest release of its line. A click on a name leads to all of it.",
				column{name: "Project", label: "project", to: updatesUID},
				column{name: "Deployed from", label: "deployed_from"},
				column{name: "Deployed", label: "deployed"},
				column{name: "Newest in line", label: "line_newest"},
				column{expr: `max by (project, deployed_from, deployed, line_newest) (updatewatch_version_info{$scope})`},
				column{name: "Up to date", expr: `min by (project, deployed_from) (updatewatch_up_to_date{$scope})`, unit: "none", words: words("No", warning, "Yes", good)},
			).size(12, 8),
			table(l, "PostgreSQL", "The database servers. A click on a name leads to its dashboard.",
				column{name: "Server", label: "instance", to: postgresUID},
				column{name: "State", expr: `min by (instance) (pg_up{$scope})`, unit: "none", words: words("Not answering", bad, "Good", good)},
				column{
					name: "Connections", expr: `max by (instance) (tocsin_postgres_connections_used{$scope} / tocsin_postgres_connections_allowed{$scope})`,
					unit: "percentunit", rules: []string{"PostgresConnectionsNearLimit"},
				},
				column{
					name: "Longest wait for a lock", expr: `max by (instance) (tocsin_postgres_blocked_longest_seconds{$scope})`,
					unit: "s", rules: []string{"PostgresQueriesBlocked"},
				},
			).size(12, 8),
			table(l, "RabbitMQ", "The message brokers. A click on a name leads to its dashboard.",
				column{name: "Broker", label: "instance", to: rabbitmqUID},
				column{name: "State", expr: `min by (instance) (tocsin_rabbitmq_up{$scope})`, unit: "none", words: words("Not answering", bad, "Good", good)},
				column{name: "Alarms", expr: `sum by (instance) (max by (instance, node, alarm) (tocsin_rabbitmq_node_alarm{$scope}))`, unit: "none"},
				column{name: "Unread queues", expr: `max by (instance) (tocsin_rabbitmq_queues_unread{$scope})`, unit: "none"},
			).size(12, 8),
			states("Reachable", "When the page of each target could be had.", upDown(), ask(`max by (job, instance) (up{$scope})`, "{{job}} {{instance}}")),
		}},
		section{title: "The watch itself", panels: []panel{
			table(l, "Instances", "The Tocsins of the site, with their versions.",
				column{name: "Host", label: "instance"},
				column{name: "Version", label: "version"},
				column{name: "Go", label: "goversion"},
				column{expr: `max by (instance, version, goversion) (tocsin_build_info{$scope})`},
			).size(12, 8),
			series("Series", "How many series the hub keeps in memory. An instance without an engine has none.", "short",
				ask(`max by (instance) (prometheus_tsdb_head_series{$scope,job="node"})`, "{{instance}}")).fromZero(),
			series("Memory of Tocsin", "The memory that each instance holds.", "bytes",
				ask(`max by (instance) (process_resident_memory_bytes{$scope,job="node"})`, "{{instance}}")).fromZero(),
			series("Notifications", "Notifications that each voice delivered, and that it could not deliver, a minute.", "cpm",
				ask(`60 * sum by (instance, voice) (rate(tocsin_notifications_total{$scope}[$__rate_interval]))`, "{{instance}} {{voice}} delivered"),
				ask(`60 * sum by (instance, voice) (rate(tocsin_notifications_failed_total{$scope}[$__rate_interval]))`, "{{instance}} {{voice}} failed")).fromZero(),
		}},
	)
}

// severities colours the severities of alerts.
func severities() []mapping {
	return []mapping{{Type: "value", Options: map[string]mapped{
		"critical": {Text: "critical", Color: bad, Index: 0},
		"warning":  {Text: "warning", Color: warning, Index: 1},
		"info":     {Text: "info", Color: neutral, Index: 2},
	}}}
}
