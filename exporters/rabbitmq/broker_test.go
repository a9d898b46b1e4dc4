package rabbitmq

import (
	"strings"
	"testing"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
)

func TestBroker_conforms(t *testing.T) {
	for _, mode := range []string{ModePlugin, ModeManagement, ModeAuto} {
		t.Run(mode, func(t *testing.T) {
			f := newFake(t)
			f.set("/metrics/detailed", strings.ReplaceAll(f.answers["/metrics/detailed"], `odd "name"`, "odd"))
			c := f.config(mode)
			c.Families = []string{"queue_coarse_metrics", "queue_metrics", "vhost_status", "exchange_names"}
			collectortest.Run(t, func(t testing.TB) frame.Collector { return newPair(t, c).broker })
			collectortest.Run(t, func(t testing.TB) frame.Collector { return newPair(t, c).objects })
		})
	}
}

func TestBroker_passesThePageOnAndMendsIt(t *testing.T) {
	f := newFake(t)
	p := newPair(t, f.config(ModeAuto))
	has(t, once(t, p.broker), map[string]float64{
		"rabbitmq_identity_info{c|id|aggregated|a@h}": 1, // the labels are sorted by their names
		"rabbitmq_queue_messages_ready":               3,
		"tocsin_rabbitmq_up":                          1,
		"tocsin_rabbitmq_mode_info{plugin}":           1,
		"tocsin_rabbitmq_series_dropped":              0,
	})
	// RabbitMQ 4 has the label; it is left as it is.
	f.set("/metrics", `rabbitmq_identity_info{rabbitmq_node="a@h",rabbitmq_endpoint="per-object"} 1`+"\n")
	has(t, once(t, p.broker), map[string]float64{"rabbitmq_identity_info{per-object|a@h}": 1})
	// A page of single objects is told as such.
	f.set("/metrics", "rabbitmq_identity_info{rabbitmq_node=\"a@h\"} 1\nrabbitmq_queue_messages_ready{vhost=\"/\",queue=\"a\"} 1\n")
	has(t, once(t, p.broker), map[string]float64{"rabbitmq_identity_info{per-object|a@h}": 1})
	// One without it gets it from the management API.
	f.set("/metrics", "rabbitmq_queues 1\n")
	has(t, once(t, p.broker), map[string]float64{"rabbitmq_identity_info{c||aggregated|a@h}": 1, "rabbitmq_queues": 1})
}

func TestBroker_aLineThatIsNoneCostsThatLine(t *testing.T) {
	f := newFake(t)
	f.set("/metrics", "rabbitmq_queues 1\nrabbitmq_x{queue=\"odd \"name\"\"} 1\nrabbitmq_channels 2\nrabbitmq_channels 3\n")
	r := once(t, newPair(t, f.config(ModePlugin)).broker)
	has(t, r, map[string]float64{"rabbitmq_queues": 1, "rabbitmq_channels": 2, "tocsin_rabbitmq_up": 1, "tocsin_rabbitmq_series_dropped": 1})
	if r.Reason != frame.ReasonInvalid || !strings.Contains(r.Err, "1 lines of its page cannot be read (line 2:") {
		t.Errorf("%s: %s", r.Reason, r.Err)
	}
}

// Where the plugin does not answer the management API takes its place; the
// plugin is tried again each minute, and taken when it is back.
func TestBroker_autoTakesWhatAnswers(t *testing.T) {
	f := newFake(t)
	p := newPair(t, f.config(ModeAuto))
	page := f.answers["/metrics"]
	for _, is := range []struct{ answer, words string }{{"404", ""}, {"<html>log in</html>", ""}} {
		f.set("/metrics", is.answer)
		has(t, once(t, p.broker), map[string]float64{"tocsin_rabbitmq_mode_info{management}": 1, "tocsin_rabbitmq_up": 1, "rabbitmq_process_resident_memory_bytes": 10})
	}
	before := f.times("/metrics")
	f.set("/metrics", page)
	has(t, once(t, p.broker), map[string]float64{"tocsin_rabbitmq_mode_info{management}": 1})
	if f.times("/metrics") != before {
		t.Error("the plugin was asked again at once")
	}
	p.at = p.at.Add(pluginRetry)
	has(t, once(t, p.broker), map[string]float64{"tocsin_rabbitmq_mode_info{plugin}": 1, "rabbitmq_queue_messages_ready": 3})

	f.set("/metrics", "500")
	f.set("/api/overview", "401")
	r := once(t, p.broker)
	has(t, r, map[string]float64{"tocsin_rabbitmq_up": 0})
	if len(r.Samples) != 1 || !strings.Contains(r.Err, "wants a log-in") || !strings.Contains(r.Err, "its plugin: it answers with status 500") {
		t.Errorf("%v: %s", r.Samples, r.Err)
	}
}

func TestBroker_aModeIsKept(t *testing.T) {
	f := newFake(t)
	once(t, newPair(t, f.config(ModeManagement)).broker)
	if f.times("/metrics") > 0 {
		t.Error("mode: management asks the plugin")
	}
	f.set("/metrics", "404")
	r := once(t, newPair(t, f.config(ModePlugin)).broker)
	if has(t, r, map[string]float64{"tocsin_rabbitmq_up": 0}); r.Reason != frame.ReasonRefused {
		t.Errorf("%s: %s", r.Reason, r.Err)
	}
}

// The sums are the answering node's, as its plugin has them; or the cluster's.
func TestBroker_managementCountsTheNode(t *testing.T) {
	f := newFake(t)
	p := newPair(t, f.config(ModeManagement))
	once(t, p.objects)
	r := once(t, p.broker)
	has(t, r, map[string]float64{
		"rabbitmq_queues": 3, "rabbitmq_queue_messages": 15, "rabbitmq_queue_process_memory_bytes": 60, "rabbitmq_consumers": 1,
		"rabbitmq_connections": 1, "rabbitmq_connection_incoming_bytes_total": 7,
		"rabbitmq_channels": 1, "rabbitmq_channel_messages_unacked": 2, "rabbitmq_channel_messages_acked_total": 6, "rabbitmq_channel_get_total": 0,
		"rabbitmq_queue_messages_published_total": 4,
		"rabbitmq_process_resident_memory_bytes":  10, "rabbitmq_erlang_uptime_seconds": 1.5, "rabbitmq_io_read_time_seconds_total": 0.002,
		"rabbitmq_alarms_memory_used_watermark": 1, "rabbitmq_unreachable_cluster_peers_count": 2,
		"rabbitmq_auth_attempts_failed_total{amqp091}": 2,
		"rabbitmq_build_info{25.2.3|4.9.1||3.10.8}":    1, "rabbitmq_identity_info{c||aggregated|a@h}": 1,
	})
	lacks(t, r, "rabbitmq_queue_messages_ram", "rabbitmq_process_open_fds", "rabbitmq_alarms_free_disk_space_watermark", "rabbitmq_queue_disk_writes_total")

	c := f.config(ModeManagement)
	c.Cluster = true
	p = newPair(t, c)
	once(t, p.objects)
	has(t, once(t, p.broker), map[string]float64{
		"rabbitmq_queues": 4, "rabbitmq_queue_messages": 18, "rabbitmq_queue_process_memory_bytes": 100, "rabbitmq_connections": 3,
		"rabbitmq_connection_incoming_bytes_total": 77, "rabbitmq_queue_disk_writes_total": 8,
	})
}

// What one path of the API cannot tell costs what it would have told.
func TestBroker_managementInPart(t *testing.T) {
	f := newFake(t)
	f.set("/api/nodes", "500")
	f.set("/api/queues", `{"page_count": 1, "items": [{"vhost": "/", "name": "a", "node": "a@h", "messages": 1}, {"vh`)
	p := newPair(t, f.config(ModeManagement))
	r := once(t, p.objects)
	if r.Reason != frame.ReasonError || !strings.Contains(r.Err, "/api/queues: its answer ends in the middle of the JSON") {
		t.Errorf("%s: %s", r.Reason, r.Err)
	}
	r = once(t, p.broker)
	has(t, r, map[string]float64{"tocsin_rabbitmq_up": 1, "rabbitmq_connections": 1, "rabbitmq_auth_attempts_total{amqp091}": 5})
	lacks(t, r, "rabbitmq_queues", "rabbitmq_process_resident_memory_bytes")
	if !strings.Contains(r.Err, "/api/nodes: it answers with status 500") {
		t.Errorf("%s: %s", r.Reason, r.Err)
	}
}

// A listing that is too old is not believed.
func TestBroker_anOldListingLeaves(t *testing.T) {
	f := newFake(t)
	p := newPair(t, f.config(ModeManagement))
	once(t, p.objects)
	p.at = p.at.Add(time.Minute)
	lacks(t, once(t, p.broker), "rabbitmq_queues", "rabbitmq_connections")
}
