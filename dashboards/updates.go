package dashboards

// drawUpdates draws what runs here against what upstream has released.
func drawUpdates(l *limits) board {
	return draw(updatesUID, "Updates", "What is deployed on the site, what upstream has released since, and whether upstream could be asked.",
		"updates", "updatewatch_version_info", `,job="updates"`,
		section{title: "Now", panels: []panel{
			stat("Updates waiting", "Projects that do not run the newest release of their line.", "none", "Nothing is followed",
				ask(`sum(updatewatch_up_to_date{$scope} == bool 0)`, "waiting")).counting(warning),
			stat("Of them security", "Projects whose waiting releases speak of security.", "none", "Nothing is followed",
				ask(`sum(updatewatch_security_update_waiting{$scope})`, "security")).counting(bad),
			stat("Waiting longest", "How long ago the first release came out that somebody here has not got. Without one there is no number.", "s", "None is waiting",
				ask(`time() - min(updatewatch_behind_since_timestamp_seconds{$scope})`, "longest")).decimals(0),
			stat("Version not known", "Projects of which it is not known what runs here: nothing can be said of their updates.", "none", "Nothing is followed",
				ask(`sum(updatewatch_deployed_detected{$scope} == bool 0)`, "not known")).counting(warning),
			stat("Cannot be asked", "Projects whose source could not be read at the newest look.", "none", "Nothing was asked yet",
				ask(`sum(updatewatch_check_success{$scope} == bool 0)`, "failing")).counting(warning),
			stat("Still to be said", "Messages about updates that have not reached their channel.", "none", "Nothing is said",
				ask(`sum(updatewatch_outbox_pending{$scope})`, "pending")).counting(warning),
		}},
		section{title: "Projects", panels: []panel{
			table(l, "Deployed and released", "What runs here, the newest release of its line, and the newest of all. A newer line is another major version.",
				column{name: "Project", label: "project"},
				column{name: "Deployed", label: "deployed"},
				column{name: "Line", label: "line"},
				column{name: "Newest in line", label: "line_newest"},
				column{name: "Newest of all", label: "newest"},
				column{expr: `max by (project, deployed, line, line_newest, newest) (updatewatch_version_info{$scope})`},
				column{name: "Up to date", expr: `min by (project) (updatewatch_up_to_date{$scope})`, unit: "none", words: words("No", warning, "Yes", good)},
				column{name: "Releases behind", expr: `max by (project) (updatewatch_releases_behind{$scope})`, unit: "none"},
				column{name: "Behind for", expr: `time() - min by (project) (updatewatch_behind_since_timestamp_seconds{$scope})`, unit: "s"},
				column{name: "Security waits", expr: `max by (project) ((time() - updatewatch_behind_since_timestamp_seconds{$scope}) / 86400
					and on (job, instance, project) updatewatch_security_update_waiting{$scope} == 1)`, unit: "d", decimals: 1, rules: []string{"SecurityUpdateWaiting"}},
				column{name: "Newer line", expr: `max by (project) (updatewatch_newer_line_available{$scope})`, unit: "none", words: words("–", unknown, "Yes", neutral)},
			).size(24, 10),
			states("Up to date", "When each project ran the newest release of its line.", words("Behind", warning, "Up to date", good),
				ask(`min by (project) (updatewatch_up_to_date{$scope})`, "{{project}}")),
		}},
		section{title: "Asking upstream", panels: []panel{
			table(l, "Sources", "When the source of each project was last read, and what the newest answer was like.",
				column{name: "Project", label: "project"},
				column{name: "Read", expr: `min by (project) (updatewatch_check_success{$scope})`, unit: "none", words: words("Failed", bad, "Yes", good)},
				column{name: "Last read", expr: `1000 * max by (project) (updatewatch_last_success_timestamp_seconds{$scope})`, unit: "dateTimeFromNow"},
				column{name: "Asked every", expr: `max by (project) (updatewatch_check_interval_seconds{$scope})`, unit: "s"},
				column{name: "Tags that are no releases", expr: `max by (project) (updatewatch_rejected_tags{$scope})`, unit: "none"},
				column{name: "Some may be missed", expr: `max by (project) (updatewatch_window_overrun{$scope})`, unit: "none", words: words("–", unknown, "Yes", warning)},
				column{name: "Has moved", expr: `max by (project) (updatewatch_source_moved{$scope})`, unit: "none", words: words("–", unknown, "Yes", warning)},
			),
			table(l, "Why they cannot be asked", "What the newest look at each failing source stumbled over. Empty when all could be read.",
				column{name: "Project", label: "project"},
				column{name: "Reason", label: "reason"},
				column{expr: `max by (project, reason) (updatewatch_check_failure_info{$scope})`},
			).size(12, 8),
			// The host that was asked is the page's own label; whoever scrapes calls
			// it exported_host where the target has a host too.
			series("Answers", "Answers of the hosts that are asked, a minute, by status code. 304 means that nothing had changed.", "cpm",
				ask(`60 * sum by (server, code) (label_replace(
					label_replace(rate(updatewatch_http_responses_total{$scope}[$__rate_interval]), "server", "$1", "host", "(.*)"),
					"server", "$1", "exported_host", "(.+)"))`, "{{server}} {{code}}")).fromZero(),
			series("Left of rate limits", "Requests that each host still allows, as it says.", "short",
				ask(`min by (server) (label_replace(
					label_replace(updatewatch_ratelimit_remaining{$scope}, "server", "$1", "host", "(.*)"),
					"server", "$1", "exported_host", "(.+)"))`, "{{server}}")).fromZero(),
			series("Time to ask", "How long the newest look at each source took, waiting for its turn included.", "s",
				ask(`max by (project) (updatewatch_check_duration_seconds{$scope})`, "{{project}}")).fromZero(),
			series("Announcements", "Messages about updates that were told, and that could not be, an hour.", "none",
				ask(`3600 * sum by (result) (rate(updatewatch_announcements_total{$scope}[$__rate_interval]))`, "{{result}}")).fromZero(),
		}},
	)
}
