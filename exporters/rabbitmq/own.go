package rabbitmq

import (
	"slices"

	"tocsin/exporters/rabbitmq/listeners"
	"tocsin/exporters/rabbitmq/roundtrip"
	"tocsin/exporters/rabbitmq/watch"
	"tocsin/internal/frame"
)

// What Tocsin says of a broker beside the plugin's names.
var (
	upFamily = &frame.Family{
		Name: "tocsin_rabbitmq_up",
		Help: "Whether the broker gave its numbers, by its plugin or by its management API.",
	}
	modeFamily = &frame.Family{
		Name: "tocsin_rabbitmq_mode_info", Labels: []string{"mode"},
		Help: "How the broker is measured: plugin or management.",
	}
	leftOutFamily = &frame.Family{
		Name: "tocsin_rabbitmq_queues_left_out", Labels: []string{"reason"},
		Help: "Queues that are in the sums and not told one by one: filter, for the site file does not choose them; top, for others have more messages. Limit: none is listed by the management API, for there are too many, and only the overview counts them.",
	}
	listedFamily = &frame.Family{
		Name: "tocsin_rabbitmq_listing_timestamp_seconds",
		Help: "When queues, connections and channels were last listed.",
	}
	listingFamily = &frame.Family{
		Name: "tocsin_rabbitmq_listing_duration_seconds",
		Help: "How long that took. It is done so seldom that it takes a tenth of the time at most.",
	}
	droppedFamily = &frame.Family{
		Name: "tocsin_rabbitmq_series_dropped",
		Help: "Samples of the broker's pages that are not passed on: lines that cannot be read, and those beyond the limit.",
	}
)

// What is not a sum of one of the lists of facts.
var (
	buildFamily = &frame.Family{
		Name: "rabbitmq_build_info", Type: frame.Untyped, Help: "RabbitMQ & Erlang/OTP version info",
		Labels: []string{"rabbitmq_version", "prometheus_plugin_version", "prometheus_client_version", "erlang_version"},
	}
	identityFamily = &frame.Family{
		Name: "rabbitmq_identity_info", Type: frame.Untyped, Help: "RabbitMQ node & cluster identity info",
		Labels: []string{"rabbitmq_node", "rabbitmq_cluster", "rabbitmq_cluster_permanent_id", endpointLabel},
	}
	memoryAlarm = &frame.Family{
		Name: "rabbitmq_alarms_memory_used_watermark", Type: frame.Untyped, Help: "is 1 if VM memory watermark alarm is in effect",
	}
	diskAlarm = &frame.Family{
		Name: "rabbitmq_alarms_free_disk_space_watermark", Type: frame.Untyped, Help: "is 1 if free disk space watermark alarm is in effect",
	}
	authFamilies = []*frame.Family{
		inherited("rabbitmq_auth_attempts_total", "Total number of authentication attempts", "protocol"),
		inherited("rabbitmq_auth_attempts_succeeded_total", "Total number of successful authentication attempts", "protocol"),
		inherited("rabbitmq_auth_attempts_failed_total", "Total number of failed authentication attempts", "protocol"),
	}
	connectionsFamily = inherited("rabbitmq_connections", "Connections currently open")
	channelsFamily    = inherited("rabbitmq_channels", "Channels currently open")
	consumersFamily   = inherited("rabbitmq_consumers", "Consumers currently connected")
	queuesFamily      = inherited("rabbitmq_queues", "Queues available")
	// unreachableFamily is of RabbitMQ 4 (prometheus_rabbitmq_dynamic_collector.erl).
	unreachableFamily = inherited("rabbitmq_unreachable_cluster_peers_count", "Number of peers in the cluster the current node cannot reach.")
	vhostFamily       = inherited("rabbitmq_cluster_vhost_status", "Whether a given vhost is running", "vhost")
	exchangeFamily    = inherited("rabbitmq_cluster_exchange_name",
		"Enumerates exchanges without any additional info. This value is cluster-wide. A cheaper alternative to `exchange_bindings`",
		"vhost", "exchange", "type")
)

// endpointLabel tells which of the plugin's pages the metric came from.
const endpointLabel = "rabbitmq_endpoint"

// passed covers what the plugin sends: its version decides the names.
var passed = []*frame.Family{
	{Name: frame.AnyName, Help: "What else stands on the plugin's page."}, // first: it is looked for at each name
	{Name: "rabbitmq_*", Help: "What the plugin rabbitmq_prometheus sends; each broker's version has its own."},
	{Name: "erlang_*", Help: "What the plugin sends of Erlang's virtual machine."},
	{Name: "telemetry_scrape_*", Help: "What the plugin sends of its own pages."},
}

// ofManagement are the families that the management API's answers are made
// into: those of the sums, and those of single queues.
func ofManagement() []*frame.Family {
	all := slices.Concat([]*frame.Family{
		buildFamily, identityFamily, memoryAlarm, diskAlarm, connectionsFamily, channelsFamily, consumersFamily,
		queuesFamily, unreachableFamily,
	}, authFamilies)
	for _, f := range slices.Concat(nodeFacts, erlangFacts, ioFacts, coarseFacts, consumerFacts, queueFacts, diskFacts, sumFacts, newerFacts, channelFacts, connectionFacts) {
		if f.sum != nil {
			all = append(all, f.sum)
		}
	}
	return append(all, ofQueues()...)
}

// ofQueues are the families that choices send.
func ofQueues() []*frame.Family {
	all := []*frame.Family{vhostFamily, exchangeFamily}
	for _, f := range slices.Concat(coarseFacts, consumerFacts, queueFacts) {
		if f.each != nil {
			all = append(all, f.each)
		}
	}
	return all
}

// Families lists all that a broker's page may have, for the reference pages.
func Families() []*frame.Family {
	return slices.Concat([]*frame.Family{upFamily, modeFamily, leftOutFamily, listedFamily, listingFamily, droppedFamily}, ofManagement(), passed[1:],
		watch.Families(), listeners.Families(), roundtrip.Families())
}
