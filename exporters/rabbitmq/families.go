package rabbitmq

import (
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/frame"
)

// A fact is one metric of the plugin, and where the management API has its
// value. Names and help are the plugin's of RabbitMQ 3.10
// (prometheus_rabbitmq_core_metrics_collector.erl); what a broker of another
// version leaves out of its answers is left out here.
type fact struct {
	sum  *frame.Family // as /metrics has it
	each *frame.Family // as /metrics/detailed has it of one queue; nil: it does not
	key  string        // in the object that it is read from
	unit float64       // what the value is divided by
}

const (
	sumPrefix  = "rabbitmq_"
	eachPrefix = "rabbitmq_detailed_"
)

// queueLabels are the plugin's, in its order.
var queueLabels = []string{"vhost", "queue"}

func known(name, key string, unit float64, help string) fact {
	return fact{sum: inherited(sumPrefix+name, help), key: key, unit: unit}
}

// inherited is a family of the plugin: a counter where its name says so.
func inherited(name, help string, labels ...string) *frame.Family {
	f := &frame.Family{Name: name, Help: help, Labels: labels}
	if strings.HasSuffix(name, "_total") {
		f.Type = frame.Counter
	}
	return f
}

// ofQueue is a fact that the plugin tells of each queue too.
func ofQueue(name, key, help string) fact {
	f := known(name, key, 1, help)
	f.each = inherited(eachPrefix+name, help, queueLabels...)
	return f
}

// only is one that it tells of each queue, and of no sum.
func only(name, key, help string) fact {
	return fact{each: inherited(eachPrefix+name, help, queueLabels...), key: key, unit: 1}
}

const (
	whole  = 1
	millis = 1000
)

// nodeFacts are read from /api/nodes, of the node that answers.
var nodeFacts = []fact{
	known("connections_opened_total", "connection_created", whole, "Total number of connections opened"),
	known("connections_closed_total", "connection_closed", whole, "Total number of connections closed or terminated"),
	known("channels_opened_total", "channel_created", whole, "Total number of channels opened"),
	known("channels_closed_total", "channel_closed", whole, "Total number of channels closed"),
	known("queues_declared_total", "queue_declared", whole, "Total number of queues declared"),
	known("queues_created_total", "queue_created", whole, "Total number of queues created"),
	known("queues_deleted_total", "queue_deleted", whole, "Total number of queues deleted"),
	known("process_open_fds", "fd_used", whole, "Open file descriptors"),
	known("process_open_tcp_sockets", "sockets_used", whole, "Open TCP sockets"),
	known("process_resident_memory_bytes", "mem_used", whole, "Memory used in bytes"),
	known("disk_space_available_bytes", "disk_free", whole, "Disk space available in bytes"),
	known("erlang_processes_used", "proc_used", whole, "Erlang processes used"),
	known("erlang_gc_runs_total", "gc_num", whole, "Total number of Erlang garbage collector runs"),
	known("erlang_gc_reclaimed_bytes_total", "gc_bytes_reclaimed", whole, "Total number of bytes of memory reclaimed by Erlang garbage collector"),
	known("erlang_scheduler_context_switches_total", "context_switches", whole, "Total number of Erlang scheduler context switches"),
	known("process_max_fds", "fd_total", whole, "Open file descriptors limit"),
	known("process_max_tcp_sockets", "sockets_total", whole, "Open TCP sockets limit"),
	known("resident_memory_limit_bytes", "mem_limit", whole, "Memory high watermark in bytes"),
	known("disk_space_available_limit_bytes", "disk_free_limit", whole, "Free disk space low watermark in bytes"),
	known("erlang_processes_limit", "proc_total", whole, "Erlang processes limit"),
	known("erlang_scheduler_run_queue", "run_queue", whole, "Erlang scheduler run queue"),
	known("erlang_net_ticktime_seconds", "net_ticktime", whole, "Inter-node heartbeat interval"),
	known("erlang_uptime_seconds", "uptime", millis, "Node uptime"),
	known("io_read_ops_total", "io_read_count", whole, "Total number of I/O read operations"),
	known("io_read_bytes_total", "io_read_bytes", whole, "Total number of I/O bytes read"),
	known("io_write_ops_total", "io_write_count", whole, "Total number of I/O write operations"),
	known("io_write_bytes_total", "io_write_bytes", whole, "Total number of I/O bytes written"),
	known("io_sync_ops_total", "io_sync_count", whole, "Total number of I/O sync operations"),
	known("io_seek_ops_total", "io_seek_count", whole, "Total number of I/O seek operations"),
	known("io_reopen_ops_total", "io_reopen_count", whole, "Total number of times files have been reopened"),
	known("schema_db_ram_tx_total", "mnesia_ram_tx_count", whole, "Total number of Schema DB memory transactions"),
	known("schema_db_disk_tx_total", "mnesia_disk_tx_count", whole, "Total number of Schema DB disk transactions"),
	known("msg_store_read_total", "msg_store_read_count", whole, "Total number of Message Store read operations"),
	known("msg_store_write_total", "msg_store_write_count", whole, "Total number of Message Store write operations"),
	known("queue_index_read_ops_total", "queue_index_read_count", whole, "Total number of Queue Index read operations"),
	known("queue_index_write_ops_total", "queue_index_write_count", whole, "Total number of Queue Index write operations"),
}

// erlangFacts are read from there too: what the plugin tells twice.
var erlangFacts = []fact{
	ofErlang("process_count", "proc_used", frame.Gauge, "The number of processes currently existing at the local node."),
	ofErlang("process_limit", "proc_total", frame.Gauge, "The maximum number of simultaneously existing processes at the local node."),
	ofErlang("statistics_run_queues_length", "run_queue", frame.Gauge, "Length of normal run-queues."),
	ofErlang("statistics_context_switches", "context_switches", frame.Counter, "Total number of context switches since the system started."),
	ofErlang("statistics_garbage_collection_number_of_gcs", "gc_num", frame.Counter, "Garbage collection: number of GCs."),
	ofErlang("statistics_garbage_collection_bytes_reclaimed", "gc_bytes_reclaimed", frame.Counter, "Garbage collection: bytes reclaimed."),
	ofErlang("statistics_wallclock_time_milliseconds", "uptime", frame.Counter,
		"Information about wall clock. Same as erlang_vm_statistics_runtime_milliseconds except that real time is measured."),
}

func ofErlang(name, key string, typ frame.Type, help string) fact {
	return fact{sum: &frame.Family{Name: "erlang_vm_" + name, Help: help, Type: typ}, key: key, unit: whole}
}

// ioFacts are times that the API has as averages, in milliseconds: the number
// of operations, named by the key with count, makes the sum of them.
var ioFacts = []fact{
	known("io_read_time_seconds_total", "io_read_", millis, "Total I/O read time"),
	known("io_write_time_seconds_total", "io_write_", millis, "Total I/O write time"),
	known("io_sync_time_seconds_total", "io_sync_", millis, "Total I/O sync time"),
	known("io_seek_time_seconds_total", "io_seek_", millis, "Total I/O seek time"),
}

// coarseFacts are the family queue_coarse_metrics of /metrics/detailed.
var coarseFacts = []fact{
	ofQueue("queue_messages_ready", "messages_ready", "Messages ready to be delivered to consumers"),
	ofQueue("queue_messages_unacked", "messages_unacknowledged", "Messages delivered to consumers but not yet acknowledged"),
	ofQueue("queue_messages", "messages", "Sum of ready and unacknowledged messages - total queue depth"),
	ofQueue("queue_process_reductions_total", "reductions", "Total number of queue process reductions"),
}

// consumerFacts are the family queue_consumer_count.
var consumerFacts = []fact{ofQueue("queue_consumers", "consumers", "Consumers on a queue")}

// queueFacts are what the family queue_metrics has beside the consumers.
var queueFacts = []fact{
	only("queue_consumer_capacity", "consumer_capacity", "Consumer capacity"),
	ofQueue("queue_consumer_utilisation", "consumer_utilisation", "Same as consumer capacity"),
	ofQueue("queue_process_memory_bytes", "memory", "Memory in bytes used by the Erlang queue process"),
	ofQueue("queue_messages_ram", "messages_ram", "Ready and unacknowledged messages stored in memory"),
	ofQueue("queue_messages_ram_bytes", "message_bytes_ram", "Size of ready and unacknowledged messages stored in memory"),
	ofQueue("queue_messages_ready_ram", "messages_ready_ram", "Ready messages stored in memory"),
	ofQueue("queue_messages_unacked_ram", "messages_unacknowledged_ram", "Unacknowledged messages stored in memory"),
	ofQueue("queue_messages_persistent", "messages_persistent", "Persistent messages"),
	only("queue_messages_persistent_bytes", "message_bytes_persistent", "Size in bytes of persistent messages"),
	ofQueue("queue_messages_bytes", "message_bytes", "Size in bytes of ready and unacknowledged messages"),
	ofQueue("queue_messages_ready_bytes", "message_bytes_ready", "Size in bytes of ready messages"),
	ofQueue("queue_messages_unacked_bytes", "message_bytes_unacknowledged", "Size in bytes of all unacknowledged messages"),
	ofQueue("queue_messages_paged_out", "messages_paged_out", "Messages paged out to disk"),
	ofQueue("queue_messages_paged_out_bytes", "message_bytes_paged_out", "Size in bytes of messages paged out to disk"),
	only("queue_head_message_timestamp", "head_message_timestamp", "Timestamp of the first message in the queue, if any"),
}

// diskFacts are of the queues too, and the API's overview has their sums alone.
var diskFacts = []fact{
	known("queue_disk_reads_total", "message_stats.disk_reads", whole, "Total number of times queue read messages from disk"),
	known("queue_disk_writes_total", "message_stats.disk_writes", whole, "Total number of times queue wrote messages to disk"),
}

// sumFacts are told of all queues together only.
var sumFacts = []fact{known("queue_messages_published_total", "message_stats.publish", whole, "Total number of messages published to queues")}

// newerFacts are told so since RabbitMQ 4, of all queues together.
var newerFacts = []fact{
	known("queue_messages_delivered_ack_total", "message_stats.deliver", whole, "Total number of messages delivered from queues to consumers in manual acknowledgement mode"),
	known("queue_messages_delivered_total", "message_stats.deliver_no_ack", whole, "Total number of messages delivered from queues to consumers in automatic acknowledgement mode"),
	known("queue_messages_redelivered_total", "message_stats.redeliver", whole, "Total number of messages redelivered from queues to consumers"),
	known("queue_messages_acked_total", "message_stats.ack", whole, "Total number of messages acknowledged by consumers on queues"),
	known("queue_get_ack_total", "message_stats.get", whole, "Total number of messages fetched from queues with basic.get in manual acknowledgement mode"),
	known("queue_get_total", "message_stats.get_no_ack", whole, "Total number of messages fetched from queues with basic.get in automatic acknowledgement mode"),
	known("queue_get_empty_total", "message_stats.get_empty", whole, "Total number of times basic.get operations fetched no message on queues"),
	{sum: &frame.Family{Name: sumPrefix + "stream_segments", Type: frame.Counter, Help: "Total number of stream segment files"}, key: "segments", unit: whole},
}

// queueSums are the facts that are told of all queues together.
func queueSums(version string) []fact {
	all := slices.Concat(coarseFacts, consumerFacts, queueFacts, sumFacts)
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err == nil && n >= 4 {
		all = append(all, newerFacts...)
	}
	return all
}

// channelFacts are sums over the channels that are open.
var channelFacts = []fact{
	known("channel_consumers", "consumer_count", whole, "Consumers on a channel"),
	known("channel_messages_unacked", "messages_unacknowledged", whole, "Delivered but not yet acknowledged messages"),
	known("channel_messages_unconfirmed", "messages_unconfirmed", whole, "Published but not yet confirmed messages"),
	known("channel_messages_uncommitted", "messages_uncommitted", whole, "Messages received in a transaction but not yet committed"),
	known("channel_acks_uncommitted", "acks_uncommitted", whole, "Message acknowledgements in a transaction not yet committed"),
	known("consumer_prefetch", "prefetch_count", whole, "Limit of unacknowledged messages for each consumer"),
	known("channel_prefetch", "global_prefetch_count", whole, "Total limit of unacknowledged messages for all consumers on a channel"),
	known("channel_messages_published_total", "message_stats.publish", whole, "Total number of messages published into an exchange on a channel"),
	known("channel_messages_confirmed_total", "message_stats.confirm", whole, "Total number of messages published into an exchange and confirmed on the channel"),
	known("channel_messages_unroutable_returned_total", "message_stats.return_unroutable", whole, "Total number of messages published as mandatory into an exchange and returned to the publisher as unroutable"),
	known("channel_messages_unroutable_dropped_total", "message_stats.drop_unroutable", whole, "Total number of messages published as non-mandatory into an exchange and dropped as unroutable"),
	known("channel_process_reductions_total", "reductions", whole, "Total number of channel process reductions"),
	known("channel_get_ack_total", "message_stats.get", whole, "Total number of messages fetched with basic.get in manual acknowledgement mode"),
	known("channel_get_total", "message_stats.get_no_ack", whole, "Total number of messages fetched with basic.get in automatic acknowledgement mode"),
	known("channel_messages_delivered_ack_total", "message_stats.deliver", whole, "Total number of messages delivered to consumers in manual acknowledgement mode"),
	known("channel_messages_delivered_total", "message_stats.deliver_no_ack", whole, "Total number of messages delivered to consumers in automatic acknowledgement mode"),
	known("channel_messages_redelivered_total", "message_stats.redeliver", whole, "Total number of messages redelivered to consumers"),
	known("channel_messages_acked_total", "message_stats.ack", whole, "Total number of messages acknowledged by consumers"),
	known("channel_get_empty_total", "message_stats.get_empty", whole, "Total number of times basic.get operations fetched no message"),
}

// connectionFacts are sums over the connections that are open.
var connectionFacts = []fact{
	known("connection_incoming_bytes_total", "recv_oct", whole, "Total number of bytes received on a connection"),
	known("connection_outgoing_bytes_total", "send_oct", whole, "Total number of bytes sent on a connection"),
	known("connection_process_reductions_total", "reductions", whole, "Total number of connection process reductions"),
	known("connection_incoming_packets_total", "recv_cnt", whole, "Total number of packets received on a connection"),
	known("connection_outgoing_packets_total", "send_cnt", whole, "Total number of packets sent on a connection"),
	known("connection_pending_packets", "send_pend", whole, "Number of packets waiting to be sent on a connection"),
	known("connection_channels", "channels", whole, "Channels on a connection"),
}

// keys are the columns that facts need.
func keys(facts ...[]fact) []string {
	var all []string
	for _, f := range slices.Concat(facts...) {
		all = append(all, f.key)
	}
	return all
}
