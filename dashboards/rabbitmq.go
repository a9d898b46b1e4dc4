package dashboards

// drawRabbitMQ draws the brokers: whether they answer and take messages, how
// near their nodes are to their limits, which queues wait, who hears Publik's
// broadcast, which doors stand open, and how long a message takes.
func drawRabbitMQ(l *limits) board {
	return draw(rabbitmqUID, "RabbitMQ", "The RabbitMQ brokers of the site: nodes, messages, queues, Publik's agents, listeners and round trips.",
		"rabbitmq", "tocsin_rabbitmq_up", `,alertname=~"RabbitMQ.+"`,
		brokersNow(l), brokersMessages(l), brokersNodes(l), brokersQueues(l), brokersAgents(l), brokersDoors(l), brokersUpkeep(),
		section{title: "$instance", repeat: "instance", panels: []panel{
			series("Memory by node", "The memory that each node uses, and the mark at which it takes no more messages.", "bytes",
				ask(`max by (node) (tocsin_rabbitmq_node_resource_used{$scope,resource="memory"})`, "{{node}} used"),
				ask(`max by (node) (tocsin_rabbitmq_node_resource_limit{$scope,resource="memory"})`, "{{node}} mark")).fromZero(),
			series("Disk by node", "What is free of the disk that each node's data lie on, and the mark below which it takes no more messages.", "bytes",
				ask(`max by (node) (tocsin_rabbitmq_node_disk_free_bytes{$scope})`, "{{node}} free"),
				ask(`max by (node) (tocsin_rabbitmq_node_disk_free_limit_bytes{$scope})`, "{{node}} mark")).fromZero(),
			series("Bytes of clients", "Bytes a second that clients send (above) and receive (below), of the connections that are open.", "Bps",
				ask(`sum(rate(rabbitmq_connection_incoming_bytes_total{$scope}[$__rate_interval]))`, "in"),
				ask(`-sum(rate(rabbitmq_connection_outgoing_bytes_total{$scope}[$__rate_interval]))`, "out")),
			series("Time to measure", "How long the newest run of each collector took.", "s",
				ask(`max by (collector) (tocsin_collector_duration_seconds{$scope} and on (job, instance) tocsin_rabbitmq_up{$scope})`, "{{collector}}")).fromZero(),
		}},
	)
}

// memoryTaken and diskLeft are what the alarms go by.
const (
	memoryTaken = `max by (instance, node) (tocsin_rabbitmq_node_resource_used{$scope,resource="memory"} / tocsin_rabbitmq_node_resource_limit{$scope,resource="memory"})`
	diskLeft    = `min by (instance, node) (tocsin_rabbitmq_node_disk_free_bytes{$scope} - tocsin_rabbitmq_node_disk_free_limit_bytes{$scope})`
)

// brokersNow is what to look at first.
func brokersNow(l *limits) section {
	return section{title: "Now", panels: []panel{
		stat("Not answering", "Brokers that could not be asked.", "none", "No broker is measured",
			ask(`sum(tocsin_rabbitmq_up{$scope} == bool 0)`, "down")).counting(bad).size(4, 0),
		stat("Alarms", "Nodes that are short of memory or disk: while one is, the whole cluster takes no messages.", "none", "Not measured",
			ask(`sum(max by (instance, node, alarm) (tocsin_rabbitmq_node_alarm{$scope}))`, "on")).counting(bad).size(4, 0),
		stat("Round trips failing", "Of the test messages that go through a broker and come back, those that do not.", "none", "None is set up",
			ask(`sum(tocsin_rabbitmq_round_trip_success{$scope} == bool 0)`, "failing")).counting(bad).size(4, 0),
		stat("Queues that nobody reads", "Queues for work that have messages and no consumer.", "none", "Not measured",
			ask(`sum(max by (instance) (tocsin_rabbitmq_queues_unread{$scope}))`, "unread")).counting(warning).size(4, 0),
		stat("Dead letters", "Messages that nobody could use. A broker without a queue for them has none.", "short", "Not measured",
			ask(`sum(max by (instance) (tocsin_rabbitmq_dead_letter_messages{$scope})) or 0 * sum(tocsin_rabbitmq_up{$scope})`, "dead")).counting(warning).size(4, 0),
		stat("Messages waiting", "Messages that wait to be delivered, in all queues.", "short", "Not measured",
			ask(`sum(rabbitmq_queue_messages_ready{$scope})`, "ready")).decimals(0).size(4, 0),
		table(l, "Brokers", "Each broker with its version. One that does not answer has no numbers.",
			column{name: "Broker", label: "instance", to: rabbitmqUID},
			column{name: "State", expr: `min by (instance) (tocsin_rabbitmq_up{$scope})`, unit: "none", words: words("Not answering", bad, "Good", good)},
			column{name: "Nodes that run", expr: `min by (instance) (tocsin_rabbitmq_nodes_running{$scope})`, unit: "none"},
			column{name: "of", expr: `max by (instance) (tocsin_rabbitmq_nodes_known{$scope})`, unit: "none"},
			column{name: "Queues", expr: `max by (instance) (rabbitmq_queues{$scope})`, unit: "short"},
			column{name: "Connections", expr: `max by (instance) (rabbitmq_connections{$scope})`, unit: "short"},
			column{name: "Memory taken", expr: `max by (instance) (` + memoryTaken + `)`, unit: "percentunit", rules: []string{"RabbitMQMemoryNear"}},
		),
	}}
}

// brokersMessages is what flows.
func brokersMessages(l *limits) section {
	return section{title: "Messages", panels: []panel{
		series("Waiting", "Messages in all queues: those that wait, and those that consumers have and did not acknowledge.", "short",
			ask(`sum by (instance) (rabbitmq_queue_messages_ready{$scope})`, "{{instance}} ready"),
			ask(`sum by (instance) (rabbitmq_queue_messages_unacked{$scope})`, "{{instance}} unacknowledged")).fromZero(),
		series("Flow", "Messages a second that are published (above), and acknowledged or taken without (below), on the channels that are open.", "ops",
			ask(`sum by (instance) (rate(rabbitmq_channel_messages_published_total{$scope}[$__rate_interval]))`, "{{instance}} published"),
			ask(`-sum by (instance) (rate(rabbitmq_channel_messages_acked_total{$scope}[$__rate_interval])
				+ rate(rabbitmq_channel_messages_delivered_total{$scope}[$__rate_interval]))`, "{{instance}} finished")),
		series("Redelivered", "Messages a second that are delivered once more: their consumer went, or gave them back.", "ops",
			ask(`sum by (instance) (rate(rabbitmq_channel_messages_redelivered_total{$scope}[$__rate_interval]))`, "{{instance}}")).fromZero(),
		series("Unroutable", "Messages a second that no queue wanted: dropped silently, or returned to their publisher.", "ops",
			ask(`max by (instance, fate) (rate(tocsin_rabbitmq_unroutable_messages_total{$scope}[$__rate_interval]))`, "{{instance}} {{fate}}")).fromZero(),
		series("Connections and channels", "What clients have open.", "none",
			ask(`sum by (instance) (rabbitmq_connections{$scope})`, "{{instance}} connections"),
			ask(`sum by (instance) (rabbitmq_channels{$scope})`, "{{instance}} channels"),
			ask(`sum by (instance) (rabbitmq_consumers{$scope})`, "{{instance}} consumers")).fromZero(),
		series("Churn", "What is opened or declared anew each second. Each connection costs more than many messages.", "ops",
			ask(`max by (instance, what) (rate(tocsin_rabbitmq_churn_total{$scope,change="created"}[$__rate_interval]))`, "{{instance}} {{what}}")).
			fromZero().ringing(l, "RabbitMQChurn"),
	}}
}

// brokersNodes is how near the nodes are to where they stop.
func brokersNodes(l *limits) section {
	return section{title: "Nodes", panels: []panel{
		table(l, "Nodes", "Each node of each cluster. Left on the disk is what is free above the mark below which it takes no more messages.",
			column{name: "Broker", label: "instance"},
			column{name: "Node", label: "node"},
			column{name: "State", expr: `min by (instance, node) (tocsin_rabbitmq_node_up{$scope})`, unit: "none", words: upDown()},
			column{name: "Started", expr: `1000 * max by (instance, node) (tocsin_rabbitmq_node_start_timestamp_seconds{$scope})`, unit: "dateTimeFromNow"},
			column{name: "Memory taken", expr: memoryTaken, unit: "percentunit", rules: []string{"RabbitMQMemoryNear"}},
			column{name: "Left on the disk", expr: diskLeft, unit: "bytes"},
			column{name: "Parted from", expr: `max by (instance, node) (tocsin_rabbitmq_node_partitions{$scope})`, unit: "none"},
		),
		series("Memory taken", "The share of the memory at which a node takes no more messages.", "percentunit",
			ask(memoryTaken, "{{instance}} {{node}}")).ratio().ringing(l, "RabbitMQMemoryNear"),
		series("Left on the disk", "What is free above the mark below which a node takes no more messages.", "bytes",
			ask(diskLeft, "{{instance}} {{node}}")).fromZero(),
		bars("Taken of what has a limit", "File descriptors, sockets and Erlang processes, as a share of those that a node may have.", "percentunit",
			ask(`max by (instance, node, resource) (tocsin_rabbitmq_node_resource_used{$scope,resource!="memory"}
				/ tocsin_rabbitmq_node_resource_limit{$scope,resource!="memory"})`, "{{instance}} {{node}} {{resource}}")).
			ratio().ringing(l, "RabbitMQResourceNear"),
		states("Alarms", "When a node was short of memory or disk.", words("Off", good, "On", bad),
			ask(`max by (instance, node, alarm) (tocsin_rabbitmq_node_alarm{$scope})`, "{{instance}} {{node}} {{alarm}}")).size(12, 0),
	}}
}

// brokersQueues is who waits for whom.
func brokersQueues(l *limits) section {
	const stalled = `max by (instance, vhost, queue) (time() - tocsin_rabbitmq_queue_stalled_since_timestamp_seconds{$scope}) / 60`
	return section{title: "Queues", panels: []panel{
		table(l, "Queues with messages", "Those that nobody reads, then those with most messages; how many more there are is beside it. Nothing finished is in minutes.",
			column{name: "Broker", label: "instance"},
			column{name: "Virtual host", label: "vhost"},
			column{name: "Queue", label: "queue"},
			column{name: "Waiting", expr: `max by (instance, vhost, queue) (tocsin_rabbitmq_queue_ready_messages{$scope})`, unit: "short"},
			column{name: "Unacknowledged", expr: `max by (instance, vhost, queue) (tocsin_rabbitmq_queue_unacknowledged_messages{$scope})`, unit: "short"},
			column{name: "Consumers", expr: `max by (instance, vhost, queue) (tocsin_rabbitmq_queue_consumers{$scope})`, unit: "none"},
			column{name: "First message sent", expr: `1000 * min by (instance, vhost, queue) (tocsin_rabbitmq_queue_head_timestamp_seconds{$scope})`, unit: "dateTimeFromNow"},
			column{name: "Nothing finished for", expr: stalled, unit: "none", rules: []string{"RabbitMQQueueStalled"}},
		),
		series("Longest queues", "Messages that wait, of the queues that are told by name.", "short",
			ask(`max by (instance, vhost, queue) (tocsin_rabbitmq_queue_ready_messages{$scope})`, "{{instance}} {{vhost}} {{queue}}")).fromZero(),
		series("Chosen queues", "Messages of the queues that the site file chooses (queues, vhosts, families), told by name.", "short",
			ask(`max by (instance, vhost, queue) (rabbitmq_detailed_queue_messages{$scope})`, "{{instance}} {{vhost}} {{queue}}")).fromZero(),
		series("Queues by state", "How many queues there are. Down and minority are those that cannot be used.", "none",
			ask(`max by (instance, state) (tocsin_rabbitmq_queues{$scope})`, "{{instance}} {{state}}")).fromZero(),
		series("Not told by name", "Queues with messages beyond those that the site file lets be told by name, and queues that it does not choose.", "none",
			ask(`max by (instance) (tocsin_rabbitmq_watched_queues_left_out{$scope})`, "{{instance}} with messages"),
			ask(`max by (instance, reason) (tocsin_rabbitmq_queues_left_out{$scope})`, "{{instance}} by {{reason}}")).fromZero(),
		series("Dead letters", "Messages that nobody could use.", "short",
			ask(`max by (instance) (tocsin_rabbitmq_dead_letter_messages{$scope})`, "{{instance}}")).fromZero(),
		series("Unread queues", "Queues for work that have messages and no consumer.", "none",
			ask(`max by (instance) (tocsin_rabbitmq_queues_unread{$scope})`, "{{instance}}")).fromZero(),
	}}
}

// brokersAgents is the broadcast by which Publik deploys.
func brokersAgents(l *limits) section {
	return section{title: "Publik's agents", panels: []panel{
		series("Agents", "Agents that hear the broadcast by which Publik deploys, and how many must, by the site file. A site without them has nothing here.", "none",
			ask(`max by (instance, vhost, exchange) (tocsin_rabbitmq_provisioning_consumers{$scope})`, "{{instance}} {{vhost}} {{exchange}}"),
			ask(`max by (instance, vhost, exchange) (tocsin_rabbitmq_provisioning_expected_consumers{$scope})`, "{{instance}} {{vhost}} {{exchange}} expected")).fromZero(),
		series("To deploy", "Messages that the agents have before them, or are at.", "none",
			ask(`max by (instance, vhost, exchange, state) (tocsin_rabbitmq_provisioning_messages{$scope})`, "{{instance}} {{vhost}} {{exchange}} {{state}}")).fromZero(),
		series("An agent finishes nothing", "For how many minutes an agent has had messages and finished none. Without messages there is nothing to finish.", "none",
			ask(`max by (instance, vhost, exchange) (time() - tocsin_rabbitmq_provisioning_stalled_since_timestamp_seconds{$scope}) / 60`, "{{instance}} {{vhost}} {{exchange}}")).
			fromZero().ringing(l, "RabbitMQAgentStalled"),
		series("Celery", "Queues that Celery makes for itself: worker is one for each worker, events one for each who follows them.", "none",
			ask(`max by (instance, vhost, kind) (tocsin_rabbitmq_celery_queues{$scope})`, "{{instance}} {{vhost}} {{kind}}")).fromZero(),
	}}
}

// brokersDoors is how one comes in, and what becomes of a message.
func brokersDoors(l *limits) section {
	return section{title: "Listeners and round trips", panels: []panel{
		table(l, "Listeners", "The ports that each node listens on. An address of local is heard on its own machine alone.",
			column{name: "Broker", label: "instance"},
			column{name: "Node", label: "node"},
			column{name: "Protocol", label: "protocol"},
			column{name: "Address", label: "address"},
			column{name: "Port", label: "port"},
			column{expr: `max by (instance, node, protocol, address, port) (tocsin_rabbitmq_listener_info{$scope})`},
		).size(12, 0),
		bars("Certificates end in", "Days until the first certificate that a port shows ends.", "d",
			ask(`(min by (instance, node, protocol, port) (tocsin_rabbitmq_certificate_expiry_timestamp_seconds{$scope}) - time()) / 86400`,
				"{{instance}} {{node}} {{protocol}} {{port}}")).decimals(0).ringing(l, "RabbitMQCertificateExpiring"),
		states("Round trip", "Whether a test message went through the broker and came back.", words("Failed", bad, "Came back", good),
			ask(`min by (instance, protocol, address) (tocsin_rabbitmq_round_trip_success{$scope})`, "{{instance}} {{protocol}} {{address}}")).size(12, 0),
		series("Time of a round trip", "How long it took to connect and log in, to declare the queue, and to deliver the message.", "s",
			ask(`max by (instance, protocol, phase) (tocsin_rabbitmq_round_trip_duration_seconds{$scope})`, "{{instance}} {{protocol}} {{phase}}")).fromZero(),
	}}
}

// brokersUpkeep is what the next upgrade will ask for, and what is not seen.
func brokersUpkeep() section {
	return section{title: "Upkeep", panels: []panel{
		states("Detected", "What each broker tells of, in its version and to this user. What is not detected is on no panel.", words("Not detected", unknown, "Detected", good),
			ask(`min by (instance, part) (tocsin_rabbitmq_detected{$scope})`, "{{instance}} {{part}}")).size(12, 0),
		series("Feature flags that are off", "A later version refuses to start where a stable one is off. Told to users with the tag administrator alone.", "none",
			ask(`sum by (instance, stability) (max by (instance, flag, stability) (tocsin_rabbitmq_feature_flag_enabled{$scope}) == bool 0)`, "{{instance}} {{stability}}")).fromZero(),
		series("Log-ins", "Attempts to log in a second that succeeded (above) and failed (below).", "ops",
			ask(`sum by (instance, protocol) (rate(rabbitmq_auth_attempts_succeeded_total{$scope}[$__rate_interval]))`, "{{instance}} {{protocol}} succeeded"),
			ask(`-sum by (instance, protocol) (rate(rabbitmq_auth_attempts_failed_total{$scope}[$__rate_interval]))`, "{{instance}} {{protocol}} failed")),
		series("Lists", "How long it takes to list queues, connections and channels, where that is done. It rests nine times as long.", "s",
			ask(`max by (instance) (tocsin_rabbitmq_listing_duration_seconds{$scope})`, "{{instance}}")).fromZero(),
	}}
}
