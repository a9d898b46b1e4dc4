package rabbitmq

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/exporters/rabbitmq/api"
	"tocsin/internal/frame"
)

// Queues are told one by one where the site chooses them: by name, by virtual
// host, and the ones with most messages. Who is left out is counted.
func TestObjects_queuesByChoice(t *testing.T) {
	f := newFake(t)
	for _, mode := range []string{ModePlugin, ModeManagement} {
		c := f.config(mode)
		c.Queues.Exclude, c.Top = `^amq\.gen`, 1
		c.SetDefaults()
		r := once(t, newPair(t, c).objects)
		want := map[string]float64{
			"rabbitmq_detailed_queue_messages{b|/}": 5, "rabbitmq_detailed_raft_term_total{b|/}": 7, "rabbitmq_detailed_raft_term_total": 0,
			"rabbitmq_detailed_queue_info{leader|b|rabbit_quorum_queue|/}": 1,
			"tocsin_rabbitmq_queues_left_out{filter}":                      1, "tocsin_rabbitmq_queues_left_out{top}": 2,
		}
		if mode == ModeManagement {
			want = map[string]float64{
				"rabbitmq_detailed_queue_messages{b \"q\"\n\U0001F989|/}": 5, "rabbitmq_detailed_queue_consumers{b \"q\"\n\U0001F989|/}": 0,
				"tocsin_rabbitmq_queues_left_out{filter}": 1, "tocsin_rabbitmq_queues_left_out{top}": 1,
			}
		}
		has(t, r, want)
		lacks(t, r, "rabbitmq_detailed_queue_messages{a|/}", "rabbitmq_detailed_queue_messages{amq.gen-1|/}",
			"rabbitmq_detailed_queue_info{leader|a|rabbit_classic_queue|/}", "rabbitmq_detailed_queue_consumers{a|/}", "rabbitmq_identity_info{detailed|a@h}")
	}
	if q := f.asked[0]; q != "/metrics/detailed?family=queue_coarse_metrics&family=queue_consumer_count" {
		t.Errorf("asked %s", q)
	}
}

// The page of RabbitMQ 3.10 does not escape what stands in a queue's name: that
// line is lost, and told.
func TestObjects_namesThatThePluginDoesNotEscape(t *testing.T) {
	f := newFake(t)
	c := f.config(ModePlugin)
	c.Families = []string{"queue_coarse_metrics"}
	r := once(t, newPair(t, c).objects)
	has(t, r, map[string]float64{"rabbitmq_detailed_queue_messages{a|/}": 1, "rabbitmq_detailed_queue_messages{a|other}": 3})
	if r.Reason != frame.ReasonInvalid || !strings.Contains(r.Err, "1 lines cannot be read") {
		t.Errorf("%s: %s", r.Reason, r.Err)
	}
}

// Queues are ranked by their messages also where these are not told.
func TestObjects_ranksByWhatIsNotTold(t *testing.T) {
	f := newFake(t)
	f.set("/metrics/detailed", `rabbitmq_detailed_queue_messages{vhost="/",queue="a"} 1
rabbitmq_detailed_queue_messages{vhost="/",queue="b"} 5
rabbitmq_detailed_queue_consumers{vhost="/",queue="a"} 2
rabbitmq_detailed_queue_consumers{vhost="/",queue="b"} 0
rabbitmq_detailed_queue_consumers{vhost="/",queue="b"} 0
`)
	c := f.config(ModePlugin)
	c.Families, c.Top, c.Vhosts = []string{"queue_consumer_count"}, 1, []string{"/"}
	r := once(t, newPair(t, c).objects)
	has(t, r, map[string]float64{"rabbitmq_detailed_queue_consumers{b|/}": 0})
	lacks(t, r, "rabbitmq_detailed_queue_consumers{a|/}", "rabbitmq_detailed_queue_messages{b|/}")
	if q := f.asked[0]; q != "/metrics/detailed?family=queue_consumer_count&family=queue_coarse_metrics&vhost=%2F" {
		t.Errorf("asked %s", q)
	}
	if !strings.Contains(r.Err, "has a queue twice") {
		t.Errorf("%s: %s", r.Reason, r.Err)
	}
}

func TestObjects_nothingIsListedUnasked(t *testing.T) {
	f := newFake(t)
	p := newPair(t, f.config(ModeAuto))
	once(t, p.broker)
	before := len(f.asked)
	if r := once(t, p.objects); r.Reason != "" || len(r.Samples) > 0 || len(f.asked) != before {
		t.Errorf("%s %s: %v, asked %v", r.Reason, r.Err, r.Samples, f.asked[before:])
	}
}

func TestObjects_whatIsNoQueue(t *testing.T) {
	f := newFake(t)
	c := f.config(ModeManagement)
	c.Families = []string{"vhost_status", "exchange_names"}
	has(t, once(t, newPair(t, c).objects), map[string]float64{
		"rabbitmq_cluster_vhost_status{/}": 1, "rabbitmq_cluster_vhost_status{broken}": 0, "rabbitmq_cluster_exchange_name{events|topic|/}": 1,
	})
}

// After a list that took a second nothing is asked for nine: not even when it
// failed.
func TestObjects_rest(t *testing.T) {
	f := newFake(t)
	p := newPair(t, f.config(ModeManagement))
	slow := func() time.Time { p.at = p.at.Add(time.Second); return p.at }
	p.objects.now = slow
	once(t, p.objects)
	asked := f.times("/api/queues")
	p.objects.now = func() time.Time { return p.at }
	for range 5 {
		p.at = p.at.Add(time.Second)
		has(t, once(t, p.objects), map[string]float64{"tocsin_rabbitmq_listing_duration_seconds": 1})
	}
	if f.times("/api/queues") != asked {
		t.Error("the lists are asked for while the broker rests")
	}
	f.set("/api/queues", "500")
	p.at = p.at.Add(time.Minute)
	p.objects.now = slow
	once(t, p.objects)
	p.objects.now = func() time.Time { return p.at }
	asked = f.times("/api/queues")
	if r := once(t, p.objects); f.times("/api/queues") != asked || !strings.Contains(r.Err, "status 500") {
		t.Errorf("after a failure: %s, asked again: %t", r.Err, f.times("/api/queues") != asked)
	}
}

// A broker with too many queues is not asked for them: each page costs it a
// look at all.
func TestObjects_tooManyQueues(t *testing.T) {
	f := newFake(t)
	f.set("/api/overview", fmt.Sprintf(`{"node": "a@h", "object_totals": {"queues": %d}}`, api.MaxQueues+1))
	p := newPair(t, f.config(ModeManagement))
	r := once(t, p.objects)
	has(t, r, map[string]float64{"tocsin_rabbitmq_queues_left_out{limit}": api.MaxQueues + 1})
	if f.times("/api/queues") > 0 || !strings.Contains(r.Err, "20001 queues, more than the 20000") {
		t.Errorf("%s: %s", r.Reason, r.Err)
	}
	has(t, once(t, p.broker), map[string]float64{"rabbitmq_connections": 1})
}

// The choice is the same at each look, also among queues that are alike.
func TestChoice_isStable(t *testing.T) {
	for range 3 {
		c := newChoice(&Config{Top: 2})
		for _, i := range []int{3, 1, 4, 2} {
			c.offer(queue{vhost: "/", name: fmt.Sprint("q", i)})
		}
		kept := c.queues()
		if len(kept) != 2 || kept[0].name != "q1" || kept[1].name != "q2" || c.beyond != 2 {
			t.Fatalf("%v, %d beyond", kept, c.beyond)
		}
	}
}
