package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/secret"
	"tocsin/internal/testenv"
)

// entry is a broker of a test as its site file would have it.
func entry(b *testenv.Broker, mode string) Config {
	c := Config{Name: "bus", URL: b.Management, MetricsURL: b.Prometheus, Mode: mode, Username: "guest", Password: secret.New("guest")}
	c.SetDefaults()
	return c
}

// put changes a broker through its management API.
func put(t testing.TB, b *testenv.Broker, method, path, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, b.Management+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.SetBasicAuth("guest", "guest")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode >= 300 {
		t.Fatalf("%s %s: %s", method, path, response.Status)
	}
}

// TestReal_badInput: queues with names that break a page, users who may not
// look, a password that is wrong, a broker that goes and comes back.
func TestReal_badInput(t *testing.T) {
	b := testenv.RabbitMQ(t, "")
	names := []string{`odd "name"`, `back\slash`, "new\nline", "owl \U0001F989", "tab\t{}=,"}
	for _, name := range names {
		put(t, b, http.MethodPut, "/api/queues/%2F/"+url.PathEscape(name), `{"durable": true}`)
	}
	put(t, b, http.MethodPut, "/api/users/nobody", `{"password": "hunter2", "tags": ""}`)
	put(t, b, http.MethodPut, "/api/users/looker", `{"password": "hunter2", "tags": "monitoring"}`)
	put(t, b, http.MethodPut, "/api/permissions/%2F/looker", `{"configure": "", "write": "", "read": ""}`)

	chosen := func(mode string) Config {
		c := entry(b, mode)
		c.Families = []string{"queue_coarse_metrics"}
		return c
	}
	testenv.Eventually(t, 30*time.Second, "all queues, by the management API", func(context.Context) error {
		r := once(t, newPair(t, chosen(ModeManagement)).objects)
		for _, name := range names {
			name = strings.ReplaceAll(name, "\n", "") // the broker takes line ends away
			if v, ok := r.Samples["rabbitmq_detailed_queue_messages{"+name+"|/}"]; !ok || v != 0 || r.Reason != "" {
				return fmt.Errorf("%q: %v %t, %s %s", name, v, ok, r.Reason, r.Err)
			}
		}
		return nil
	})
	r := once(t, newPair(t, chosen(ModePlugin)).objects)
	if has(t, r, map[string]float64{"rabbitmq_detailed_queue_messages{owl \U0001F989|/}": 0}); !b.Newer && r.Reason != frame.ReasonInvalid {
		t.Errorf("the plugin of 3.10 does not escape names, and nothing says that lines are lost: %s %s", r.Reason, r.Err)
	}

	for user, want := range map[string]string{
		"guest/hunter3":   "refuses user guest",
		"nobody/hunter2":  "rabbitmqctl set_user_tags nobody monitoring",
		"unknown/hunter2": "refuses user unknown",
		"/":               "wants a log-in",
		"looker/hunter2":  "",
	} {
		c := entry(b, ModeManagement)
		name, password, _ := strings.Cut(user, "/")
		c.Username, c.Password = name, secret.New(password)
		r := once(t, newPair(t, c).broker)
		if want == "" {
			if has(t, r, map[string]float64{"tocsin_rabbitmq_up": 1, "rabbitmq_queues": float64(len(names))}); r.Reason != "" {
				t.Errorf("%s: %s: %s", user, r.Reason, r.Err)
			}
		} else if r.Reason != frame.ReasonRefused || !strings.Contains(r.Err, want) || strings.Contains(r.Err, "hunter") {
			t.Errorf("%s: %s: %s, want %s", user, r.Reason, r.Err, want)
		}
	}

	p := newPair(t, entry(b, ModeAuto))
	has(t, once(t, p.broker), map[string]float64{"tocsin_rabbitmq_up": 1, "tocsin_rabbitmq_mode_info{plugin}": 1})
	b.Kill()
	r = once(t, p.broker)
	if has(t, r, map[string]float64{"tocsin_rabbitmq_up": 0}); r.Reason != frame.ReasonUnreachable {
		t.Errorf("%s: %s", r.Reason, r.Err)
	}
}

// A user who may enter one virtual host of two is shown the queues of that one,
// with status 200. Their sums would be taken for the broker's.
func TestReal_queuesThatAreNotShown(t *testing.T) {
	b := testenv.RabbitMQ(t, "")
	put(t, b, http.MethodPut, "/api/vhosts/hidden", "")
	put(t, b, http.MethodPut, "/api/permissions/hidden/guest", `{"configure": ".*", "write": ".*", "read": ".*"}`)
	for _, queue := range []string{"%2F/seen", "hidden/one", "hidden/two"} {
		put(t, b, http.MethodPut, "/api/queues/"+queue, `{"durable": true}`)
	}
	put(t, b, http.MethodPut, "/api/users/looker", `{"password": "hunter2", "tags": "monitoring"}`)
	put(t, b, http.MethodPut, "/api/permissions/%2F/looker", `{"configure": "", "write": "", "read": ""}`)
	c := entry(b, ModeManagement)
	c.Families, c.Username, c.Password = []string{"queue_coarse_metrics"}, "looker", secret.New("hunter2")
	p := newPair(t, c)
	testenv.Eventually(t, time.Minute, "queues are missed", func(context.Context) error {
		r := once(t, p.objects)
		p.at = p.at.Add(time.Hour)
		if r.Reason != frame.ReasonPermission || !strings.Contains(r.Err, "is shown 1 of 3 queues") || !strings.Contains(r.Err, "set_permissions -p 'VHOST' looker") {
			return fmt.Errorf("%s: %s", r.Reason, r.Err)
		}
		if _, ok := r.Samples["rabbitmq_detailed_queue_messages{seen|/}"]; !ok {
			return errors.New("the queue that is shown is not told")
		}
		return nil
	})
	p.at = p.at.Add(-time.Hour) // of the newest listing
	r := once(t, p.broker)
	has(t, r, map[string]float64{"rabbitmq_queues": 3}) // by the overview
	lacks(t, r, "rabbitmq_queue_process_memory_bytes", "rabbitmq_queue_consumers")

	put(t, b, http.MethodPut, "/api/permissions/hidden/looker", `{"configure": "", "write": "", "read": ""}`)
	testenv.Eventually(t, time.Minute, "all are shown", func(context.Context) error {
		p.at = p.at.Add(time.Hour)
		if r := once(t, p.objects); r.Reason != "" {
			return fmt.Errorf("%s: %s", r.Reason, r.Err)
		}
		if r = once(t, p.broker); r.Samples["rabbitmq_queues"] != 3 || r.Samples["rabbitmq_queue_process_memory_bytes"] == 0 {
			return fmt.Errorf("%v", r.Samples)
		}
		return nil
	})
}

// Two nodes of a cluster, measured side by side as their plugins are: the sums
// over both are the cluster's, and nothing is counted twice.
func TestReal_cluster(t *testing.T) {
	first, second := testenv.RabbitMQCluster(t, "")
	for i := range 6 {
		put(t, []*testenv.Broker{first, second}[i%2], http.MethodPut, fmt.Sprintf("/api/queues/%%2F/q%d", i), fmt.Sprintf(`{"durable": true, "node": %q}`,
			[]string{first.Node, second.Node}[i%2]))
	}
	testenv.Eventually(t, time.Minute, "each its own queues", func(context.Context) error {
		for _, b := range []*testenv.Broker{first, second} {
			for cluster, want := range map[bool]float64{false: 3, true: 6} {
				c := entry(b, ModeManagement)
				c.Cluster = cluster
				p := newPair(t, c)
				once(t, p.objects)
				r := once(t, p.broker)
				plugin := once(t, newPair(t, entry(b, ModePlugin)).broker)
				if r.Samples["rabbitmq_queues"] != want || plugin.Samples["rabbitmq_queues"] != 3 || r.Samples["rabbitmq_unreachable_cluster_peers_count"] != 0 {
					return fmt.Errorf("%s, cluster %t: %v queues, the plugin says %v; %s %s", b.Node, cluster, r.Samples["rabbitmq_queues"],
						plugin.Samples["rabbitmq_queues"], r.Reason, r.Err)
				}
			}
		}
		return nil
	})
	second.Kill()
	testenv.Eventually(t, time.Minute, "one peer is gone", func(context.Context) error {
		r := once(t, newPair(t, entry(first, ModeManagement)).broker)
		if r.Samples["rabbitmq_unreachable_cluster_peers_count"] != 1 {
			return fmt.Errorf("%v unreachable; %s %s", r.Samples["rabbitmq_unreachable_cluster_peers_count"], r.Reason, r.Err)
		}
		return nil
	})
}
