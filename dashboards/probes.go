package dashboards

// drawProbes draws the services as they are seen from outside, and their
// certificates.
func drawProbes(l *limits) board {
	const days = `(min by (instance) (instance:probe_certificate_expiry_timestamp_seconds:min{$scope}) - time()) / 86400`
	return draw(probesUID, "Probes and certificates", "The services as a user finds them: do they answer, how fast, and until when do their certificates hold.",
		"probes", "probe_success", `,alertname=~"(Probe|Certificate).+"`,
		section{title: "Now", panels: []panel{
			stat("Failing", "Probes that do not find the service as it should be.", "none", "Nothing is probed",
				ask(`sum(probe_success{$scope} == bool 0)`, "failing")).counting(bad).size(6, 0),
			stat("Slowest", "How long the slowest probe took.", "s", "Nothing is probed",
				ask(`max(probe_duration_seconds{$scope})`, "slowest")).decimals(2).size(6, 0),
			stat("First certificate ends in", "Days until the first certificate ends.", "d", "No certificate seen",
				ask(`(min(instance:probe_certificate_expiry_timestamp_seconds:min{$scope}) - time()) / 86400`, "days")).
				decimals(0).ringing(l, "CertificateExpiringSoon", "CertificateExpiring").size(6, 0),
			stat("Certificates with a fault", "Probes that met a certificate which does not hold, whether or not they accept it.", "none", "Nothing is probed",
				ask(`count(count by (job, instance) (probe_certificate_problem_info{$scope})) or 0 * count(probe_success{$scope})`, "faulty")).
				counting(bad).size(6, 0),
			table(l, "Services", "Each service with what the newest look at it found.",
				column{name: "Service", label: "instance", to: probesUID},
				column{name: "State", expr: `max by (instance) (probe_success{$scope})`, unit: "none", words: words("Failing", bad, "Good", good)},
				column{name: "Status", expr: `max by (instance) (probe_http_status_code{$scope})`, unit: "none"},
				column{name: "Answers in", expr: `max by (instance) (probe_duration_seconds{$scope})`, unit: "s", decimals: 2},
				column{name: "Redirects", expr: `max by (instance) (probe_http_redirects{$scope})`, unit: "none"},
				column{name: "Certificate ends in", expr: days, unit: "d", rules: []string{"CertificateExpiringSoon", "CertificateExpiring"}},
			),
			table(l, "Why they fail", "What the newest look at each failing service stumbled over. Empty when all is well.",
				column{name: "Service", label: "instance"},
				column{name: "Reason", label: "reason"},
				column{expr: `count by (instance, reason) (probe_failure_info{$scope})`},
			).size(12, 7),
			table(l, "What is wrong with certificates", "Faults of certificates, also of those that the probe accepts; hop 0 is the service itself, others are redirects. Empty when all is well.",
				column{name: "Service", label: "instance"},
				column{name: "Hop", label: "hop"},
				column{name: "Fault", label: "reason"},
				column{expr: `count by (instance, hop, reason) (probe_certificate_problem_info{$scope})`},
			).size(12, 7),
		}},
		section{title: "Over time", panels: []panel{
			states("Good or failing", "When each service was as it should be.", words("Failing", bad, "Good", good),
				ask(`min by (instance) (probe_success{$scope})`, "{{instance}}")),
			series("Time to answer", "How long each whole look took, redirects included.", "s",
				ask(`max by (instance) (probe_duration_seconds{$scope})`, "{{instance}}")).fromZero(),
			series("Available", "The share of the looks in the last hour that found the service as it should be.", "percentunit",
				// A fixed hour: what people mean by availability does not depend on the zoom.
				ask(`min by (instance) (avg_over_time(probe_success{$scope}[1h]))`, "{{instance}}")).ratio(),
		}},
		section{title: "Certificates", panels: []panel{
			bars("Days left", "Days until the first certificate of each service ends, those of redirects included.", "d",
				ask(days, "{{instance}}")).decimals(0).fromZero().ringing(l, "CertificateExpiringSoon", "CertificateExpiring"),
			series("Days left over time", "A renewal is a step up. Without one, the line falls by one a day.", "d",
				ask(days, "{{instance}}")).fromZero().ringing(l, "CertificateExpiringSoon", "CertificateExpiring"),
			table(l, "Who issued them", "The certificate that each service showed last.",
				column{name: "Service", label: "instance"},
				column{name: "Subject", label: "subject"},
				column{name: "Names", label: "subjectalternative"},
				column{name: "Issuer", label: "issuer"},
				column{
					name: "Ends", expr: `1000 * max by (instance, subject, subjectalternative, issuer) (
					probe_ssl_earliest_cert_expiry{$scope} * on (job, instance) group_left (subject, subjectalternative, issuer) probe_ssl_last_chain_info{$scope})`,
					unit: "dateTimeAsIso",
				},
			),
			// A probe with a host of its own (on:) has that in the label host; whoever
			// scrapes then calls the page's own label exported_host.
			table(l, "On the way", "Each server that a look came by, with its own certificate; hop 0 is the service itself.",
				column{name: "Service", label: "instance"},
				column{name: "Hop", label: "hop"},
				column{name: "Server", label: "server"},
				column{name: "Ends", expr: `1000 * min by (instance, hop, server) (
					label_replace(
						label_replace(probe_hop_certificate_expiry_timestamp_seconds{$scope}, "server", "$1", "host", "(.*)"),
						"server", "$1", "exported_host", "(.+)"))`, unit: "dateTimeAsIso"},
			).size(12, 8),
			table(l, "TLS", "The version and cipher that the last server of each look agreed to.",
				column{name: "Service", label: "instance"},
				column{name: "Version", label: "version"},
				column{expr: `count by (instance, version) (probe_tls_version_info{$scope})`},
			).size(12, 8),
		}},
		section{title: "$instance", repeat: "instance", panels: []panel{
			series("Where the time goes", "The phases of each look: finding the name, connecting, TLS, waiting for the answer, reading it.", "s",
				ask(`max by (phase) (probe_http_duration_seconds{$scope})`, "{{phase}}")).stacked().fromZero(),
			series("Status", "The status code of the last answer; 0 when there was none.", "none",
				ask(`max by (instance) (probe_http_status_code{$scope})`, "{{instance}}")).fromZero().decimals(0),
		}},
	)
}
