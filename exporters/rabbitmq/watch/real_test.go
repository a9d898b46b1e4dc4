package watch

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/testenv"
)

func TestWatch_realBroker(t *testing.T) {
	b := testenv.RabbitMQ(t, "")
	t.Run("contract", func(t *testing.T) {
		collectortest.Run(t, func(testing.TB) frame.Collector { return collector(t, b, nil, nil) })
	})
	t.Run("an empty broker", func(t *testing.T) {
		r := until(t, collector(t, b, nil, nil), map[string]float64{
			"tocsin_rabbitmq_nodes_running":                                           1,
			"tocsin_rabbitmq_nodes_known":                                             1,
			"tocsin_rabbitmq_node_up{tocsin@localhost}":                               1,
			"tocsin_rabbitmq_node_alarm{memory|tocsin@localhost}":                     0,
			"tocsin_rabbitmq_node_alarm{disk|tocsin@localhost}":                       0,
			"tocsin_rabbitmq_node_partitions{tocsin@localhost}":                       0,
			"tocsin_rabbitmq_detected{statistics}":                                    1,
			"tocsin_rabbitmq_detected{queues}":                                        1,
			"tocsin_rabbitmq_detected{users}":                                         1,
			"tocsin_rabbitmq_detected{feature_flags}":                                 1,
			"tocsin_rabbitmq_detected{deprecated_features}":                           number(b.Newer), // from 3.13 on
			"tocsin_rabbitmq_detected{provisioning}":                                  0,
			"tocsin_rabbitmq_detected{end_of_life}":                                   1,
			"tocsin_rabbitmq_feature_flag_enabled{quorum_queue|" + stability(b) + "}": 1,
			"tocsin_rabbitmq_user_default_password{local|guest}":                      1,
			"tocsin_rabbitmq_queues_unread":                                           0,
			"tocsin_rabbitmq_unroutable_messages_total{dropped}":                      0,
		})
		for name := range r.Samples {
			if strings.Contains(name, "provisioning_") || strings.Contains(name, "dead_letter") || strings.Contains(name, "nodes_expected") {
				t.Errorf("%s is told where there is none", name)
			}
		}
	})
	t.Run("queues", func(t *testing.T) { queuesOf(t, b) })
	t.Run("a user who may not see", func(t *testing.T) { usersOf(t, b) })
	t.Run("agents", func(t *testing.T) { agentsOf(t, b) })
}

func queuesOf(t *testing.T, b *testenv.Broker) {
	declare(t, b, "%2F", "orders", "")
	declare(t, b, "%2F", "busy", `"x-queue-type":"quorum"`)
	declare(t, b, "%2F", "stuck", "")
	declare(t, b, "%2F", "retry", `"x-message-ttl":3600000,"x-dead-letter-exchange":"","x-dead-letter-routing-key":"orders"`)
	declare(t, b, "%2F", "letters", "")
	declare(t, b, "%2F", "source", `"x-dead-letter-exchange":"amq.fanout"`)
	call(t, b, http.MethodPost, "/bindings/%2F/e/amq.fanout/q/letters", "{}")
	sent := time.Now().Add(-10 * time.Minute).Unix()
	publish(t, b, "amq.default", "orders", 3, map[string]any{"timestamp": sent})
	publish(t, b, "amq.default", "retry", 2, nil)
	publish(t, b, "amq.default", "letters", 4, nil)
	publish(t, b, "amq.default", "stuck", 5, nil)
	publish(t, b, "amq.default", "nobody", 1, nil)
	consume(t, b, "stuck", 2)
	now := time.Now()
	c := collector(t, b, nil, func(c *Config, o *Options) {
		c.Top = 3
		o.Now = func() time.Time { return now }
	})
	until(t, c, map[string]float64{
		"tocsin_rabbitmq_queue_ready_messages{orders|work|/}":                 3, // comes before those with more messages
		"tocsin_rabbitmq_queue_consumers{orders|work|/}":                      0,
		"tocsin_rabbitmq_queue_head_timestamp_seconds{orders|work|/}":         float64(sent),
		"tocsin_rabbitmq_queue_ready_messages{stuck|work|/}":                  3,
		"tocsin_rabbitmq_queue_unacknowledged_messages{stuck|work|/}":         2,
		"tocsin_rabbitmq_queue_ready_messages{letters|dead_letter|/}":         4,
		"tocsin_rabbitmq_watched_queues_left_out":                             1, // retry
		"tocsin_rabbitmq_queues_unread":                                       1,
		"tocsin_rabbitmq_dead_letter_messages":                                4,
		"tocsin_rabbitmq_queues{running}":                                     6,
		"tocsin_rabbitmq_unroutable_messages_total{returned}":                 1,
		"tocsin_rabbitmq_queue_stalled_since_timestamp_seconds{stuck|work|/}": float64(now.Unix()),
	})
	before := now
	now = now.Add(time.Hour)
	r := collectortest.Once(t, c)
	if got := r.Samples["tocsin_rabbitmq_queue_stalled_since_timestamp_seconds{stuck|work|/}"]; got != float64(before.Unix()) {
		t.Errorf("stalled since %v, not %v", got, before.Unix())
	}
	call(t, b, http.MethodPost, "/queues/%2F/stuck/get", `{"count":1,"ackmode":"ack_requeue_false","encoding":"auto"}`)
	until(t, c, map[string]float64{"tocsin_rabbitmq_queue_stalled_since_timestamp_seconds{stuck|work|/}": float64(now.Unix())})

	all := collector(t, b, nil, nil)
	until(t, all, map[string]float64{"tocsin_rabbitmq_queue_ready_messages{retry|delay|/}": 2, "tocsin_rabbitmq_watched_queues_left_out": 0})
	ignoring := collector(t, b, nil, func(c *Config, _ *Options) { c.Ignore = "^(orders|stuck)$" })
	r = until(t, ignoring, map[string]float64{"tocsin_rabbitmq_queues_unread": 0})
	if _, there := r.Samples["tocsin_rabbitmq_queue_ready_messages{orders|work|/}"]; there {
		t.Error("a queue that the site file ignores is told")
	}
}

// A user with the tag monitoring, as our documentation makes it, is shown the
// queues of a virtual host that it may not enter as if there were none: 200,
// and an empty list.
func usersOf(t *testing.T, b *testenv.Broker) {
	b.Ctl(t, "add_user", "monitor", "hunter2")
	b.Ctl(t, "set_user_tags", "monitor", "monitoring")
	as := func(_ *Config, o *Options) {
		o.Client, o.Username = client(t, b.Management, "monitor", "hunter2"), "monitor"
	}
	c := collector(t, b, &Provisioning{Consumers: 1}, as)
	r := until(t, c, map[string]float64{
		"tocsin_rabbitmq_detected{queues}":                                   0,
		"tocsin_rabbitmq_detected{provisioning}":                             0,
		"tocsin_rabbitmq_detected{users}":                                    0,
		"tocsin_rabbitmq_detected{feature_flags}":                            number(b.Newer), // there, all who monitor are shown them
		"tocsin_rabbitmq_user_default_password{local|guest}":                 1,               // guest gets in
		"tocsin_rabbitmq_provisioning_expected_consumers{broadcast_tasks|/}": 1,
	})
	for name := range r.Samples {
		if strings.Contains(name, "rabbitmq_queue") || strings.Contains(name, "provisioning_consumers") {
			t.Errorf("%s is told, and could not be seen", name)
		}
	}
	for _, want := range []string{"user monitor is shown 0 of 6 queues", "rabbitmqctl set_permissions -p 'VHOST' monitor '^$' '^$' '^$'", "may not see the virtual host /"} {
		if !strings.Contains(c.Explain(), want) {
			t.Errorf("%q lacks %q", c.Explain(), want)
		}
	}
	b.Ctl(t, "set_permissions", "monitor", "^$", "^$", "^$")
	r = until(t, c, map[string]float64{
		"tocsin_rabbitmq_detected{queues}":                          1,
		"tocsin_rabbitmq_queues{running}":                           6,
		"tocsin_rabbitmq_provisioning_consumers{broadcast_tasks|/}": 0, // where it can be seen, none is none
	})
	if !strings.Contains(c.Explain(), "there is no exchange broadcast_tasks") {
		t.Error(c.Explain())
	}
	b.Ctl(t, "change_password", "guest", "hunter3")
	fresh := collector(t, b, nil, as)
	until(t, fresh, map[string]float64{"tocsin_rabbitmq_user_default_password{local|guest}": 0})
	b.Ctl(t, "change_password", "guest", "guest")
	if r := collectortest.Once(t, fresh); r.Samples["tocsin_rabbitmq_user_default_password{local|guest}"] != 0 {
		t.Error("guest was tried again within the hour")
	}
	b.Ctl(t, "add_user", "shop", "shop")
	until(t, collector(t, b, nil, nil), map[string]float64{
		"tocsin_rabbitmq_user_default_password{network|shop}": 1,
		"tocsin_rabbitmq_user_default_password{local|guest}":  1,
	})
}

// Real workers of Celery: one hangs, one dies.
func agentsOf(t *testing.T, b *testenv.Broker) {
	const at = "{broadcast_tasks|/}"
	found := collector(t, b, nil, nil)
	one, two := agent(t, b, "one"), agent(t, b, "two")
	testenv.Eventually(t, time.Minute, "the agents hear", func(context.Context) error {
		r := collectortest.Once(t, found)
		if n := r.Samples["tocsin_rabbitmq_provisioning_consumers"+at]; n != 2 {
			return fmt.Errorf("%v consumers: %v", n, r)
		}
		return nil
	})
	now := time.Now()
	c := collector(t, b, &Provisioning{Consumers: 3}, func(_ *Config, o *Options) { o.Now = func() time.Time { return now } })
	r := until(t, c, map[string]float64{
		"tocsin_rabbitmq_detected{provisioning}":                         1,
		"tocsin_rabbitmq_provisioning_consumers" + at:                    2,
		"tocsin_rabbitmq_provisioning_expected_consumers" + at:           3,
		"tocsin_rabbitmq_provisioning_queues" + at:                       2,
		"tocsin_rabbitmq_provisioning_messages{broadcast_tasks|ready|/}": 0,
		"tocsin_rabbitmq_celery_queues{worker|/}":                        2,
	})
	for name := range r.Samples {
		if strings.Contains(name, "bcast.") || strings.Contains(name, "pidbox") || strings.Contains(name, "stalled_since") && strings.Contains(name, "provisioning") {
			t.Errorf("%s is told", name)
		}
	}
	if err := two.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if out, err := celery(t, b, "call", "agents.deploy", "--args", "[0]", "--exchange", "broadcast_tasks").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	until(t, c, map[string]float64{
		"tocsin_rabbitmq_provisioning_messages{broadcast_tasks|unacknowledged|/}": 1, // the other agent has finished
		"tocsin_rabbitmq_provisioning_stalled_since_timestamp_seconds" + at:       float64(now.Unix()),
	})
	since := now.Unix()
	now = now.Add(10 * time.Minute)
	until(t, c, map[string]float64{"tocsin_rabbitmq_provisioning_stalled_since_timestamp_seconds" + at: float64(since)})
	two.Kill()
	until(t, c, map[string]float64{"tocsin_rabbitmq_provisioning_consumers" + at: 1, "tocsin_rabbitmq_provisioning_queues" + at: 1})
	one.Stop()
	until(t, c, map[string]float64{"tocsin_rabbitmq_provisioning_consumers" + at: 0, "tocsin_rabbitmq_detected{provisioning}": 1}) // the exchange is left
}

// stability is what a broker says of a flag that was new in 3.8.
func stability(b *testenv.Broker) string {
	if b.Newer {
		return "required"
	}
	return "stable"
}
