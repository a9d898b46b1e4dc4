package dashboards

import "strings"

// drawBrick draws all bricks of the site, whatever their kinds.
func drawBrick(l *limits) board {
	return draw(brickUID, "Brick", "The services of the site as they say themselves that they are: up or not and why, their versions, how long they take to answer.",
		"brick", "brick_up", `,brick!=""`, common(l, scope)...)
}

// common is what every brick has, for the bricks that within chooses.
func common(l *limits, within string) []section {
	in := func(expr string) string { return strings.ReplaceAll(expr, "$scope", within) }
	// What is seen from outside are targets of their own, which carry the
	// brick's name.
	outside := strings.Replace(within, scope, `brick=~"$instance"`, 1)
	out := func(expr string) string { return strings.ReplaceAll(expr, "$outside", outside) }
	return []section{
		{title: "Bricks", panels: []panel{
			stat("Down", "Bricks that are down, by what they say themselves.", "none", "No brick is watched",
				ask(in(`sum(brick_up{$scope} == bool 0)`), "down")).counting(bad),
			stat("Numbers missing", "Numbers of bricks that could not be had: they are not shown, rather than shown as zero.", "none", "No brick is watched",
				ask(in(`count(brick_metric_missing{$scope} == 1) or 0 * count(brick_up{$scope})`), "missing")).counting(warning),
			states("Up or down", "When each brick was up.", upDown(), ask(in(`min by (instance) (brick_up{$scope})`), "{{instance}}")).size(16, 6),
			table(l, "State and version", "Each brick as it is now, with the version that runs.",
				column{name: "Brick", label: "instance"},
				column{name: "Kind", label: "kind"},
				column{name: "State", expr: in(`min by (instance, kind) (brick_up{$scope})`), unit: "none", words: upDown()},
				column{name: "Asked in", expr: in(`max by (instance, kind) (brick_scrape_duration_seconds{$scope})`), unit: "s", decimals: 3, rules: []string{"BrickSlow"}},
			).size(12, 8),
			table(l, "Versions", "The version that each brick says it runs.",
				column{name: "Brick", label: "instance"},
				column{name: "Kind", label: "kind"},
				column{name: "Version", label: "version"},
				column{expr: in(`max by (instance, kind, version) (brick_version_info{$scope})`)},
			).size(12, 8),
			table(l, "Why they are down", "What is wrong with each brick that is down. Empty when none is.",
				column{name: "Brick", label: "instance"},
				column{name: "Kind", label: "kind"},
				column{name: "Reason", label: "reason"},
				column{expr: in(`max by (instance, kind, reason) (brick_failure_info{$scope})`)},
			).size(12, 8),
			table(l, "Numbers that are missing", "What could not be had of each brick, and why. Empty when all is measured.",
				column{name: "Brick", label: "instance"},
				column{name: "Metric", label: "metric"},
				column{name: "Reason", label: "reason"},
				column{expr: in(`max by (instance, metric, reason) (brick_metric_missing{$scope} == 1)`)},
			).size(12, 8),
			table(l, "What they need", "What each brick cannot work without, as the site file says.",
				column{name: "Brick", label: "instance"},
				column{name: "Needs", label: "needs"},
				column{expr: in(`max by (instance, needs) (brick_needs_info{$scope})`)},
			).size(12, 8),
			series("Time to ask", "How long each request to each brick took.", "s",
				ask(in(`max by (instance, request) (brick_request_duration_seconds{$scope})`), "{{instance}} {{request}}")).fromZero(),
		}},
		{title: "Seen from outside", panels: []panel{
			series("Good or failing", "Whether a user finds each brick as it should be: 1 is good, 0 is failing.", "none",
				ask(out(`min by (brick) (probe_success{$outside})`), "{{brick}}")).ratio(),
			series("Time to answer", "How long a look at each brick takes, redirects included.", "s",
				ask(out(`max by (brick) (probe_duration_seconds{$outside})`), "{{brick}}")).fromZero(),
			bars("Certificate ends in", "Days until the first certificate of each brick ends.", "d",
				ask(out(`(min by (brick) (instance:probe_certificate_expiry_timestamp_seconds:min{$outside}) - time()) / 86400`), "{{brick}}")).
				decimals(0).fromZero().ringing(l, "CertificateExpiringSoon", "CertificateExpiring"),
		}},
	}
}
