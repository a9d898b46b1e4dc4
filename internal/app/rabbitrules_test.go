package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"tocsin/exporters/rabbitmq/roundtrip"
	"tocsin/internal/testenv"
)

// brokerRules are what the drills of RabbitMQ let ring at once. Thresholds are
// those that a test can reach in a minute.
const brokerRules = `
alerts:
  rules:
    RabbitMQNotAnswering: {for: 1s}
    RabbitMQNodeDown: {for: 1s}
    RabbitMQNodeNotJoined: {for: 1s}
    RabbitMQPartitioned: {for: 1s}
    RabbitMQMemoryNear: {for: 1s, threshold: 0.1}
    RabbitMQDiskNear: {for: 1s, threshold: 100000}
    RabbitMQResourceNear: {for: 1s, threshold: 0.001}
    RabbitMQQueueUnread: {for: 1s}
    RabbitMQBacklogGrowing: {for: 1s, threshold: 5}
    RabbitMQUnacknowledgedGrowing: {for: 1s, threshold: 5}
    RabbitMQQueueStalled: {for: 1s, threshold: 0.2}
    RabbitMQUnroutable: {for: 1s}
    RabbitMQChurn: {for: 1s, threshold: 0.01}
    RabbitMQRoundTripFailing: {for: 1s}
    RabbitMQAgentsMissing: {for: 1s}
    RabbitMQAgentStalled: {for: 1s, threshold: 0.2}
    RabbitMQNotShown: {for: 1s}
    RabbitMQCertificateExpiring: {for: 1s}
    RabbitMQEndOfLife: {for: 1s}
    RabbitMQFeatureFlagsOff: {for: 1s}
`

// ringsWithin is three evaluations of the rules that are evaluated each minute.
const ringsWithin = 3 * time.Minute

// ringing are the alerts of a hub that fire, as RULE or RULE(VALUE OF LABEL).
func (in *instance) ringing(label string) []string {
	in.t.Helper()
	var answer struct {
		Data struct {
			Alerts []struct {
				State  string
				Labels map[string]string
			}
		}
	}
	if err := json.Unmarshal([]byte(in.get("/api/v1/alerts")), &answer); err != nil {
		in.t.Fatal(err)
	}
	var names []string
	for _, a := range answer.Data.Alerts {
		if a.State != "firing" {
			continue
		}
		name := a.Labels["alertname"]
		if v := a.Labels[label]; v != "" {
			name += "(" + v + ")"
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// rings waits until all of these fire.
func (in *instance) rings(label string, want ...string) {
	in.t.Helper()
	began := time.Now()
	known := func() string { return strings.Join(in.ringing(label), " ") + "\n" + in.get("/metrics/rabbitmq/bus") }
	eventually(in.t, ringsWithin, "ringing: "+strings.Join(want, " "), known, func() bool {
		firing := in.ringing(label)
		return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(firing, w) })
	})
	in.t.Logf("%s after %s", strings.Join(want, ", "), time.Since(began).Round(time.Second))
}

// silent waits until none of these fires.
func (in *instance) silent(label string, want ...string) {
	in.t.Helper()
	eventually(in.t, ringsWithin, "silent: "+strings.Join(want, " "), func() string { return strings.Join(in.ringing(label), " ") }, func() bool {
		firing := in.ringing(label)
		return !slices.ContainsFunc(want, func(w string) bool { return slices.Contains(firing, w) })
	})
}

// manage does something in a broker by its management API.
func manage(t *testing.T, b *testenv.Broker, method, path, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, b.Management+"/api"+path, bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("guest", "guest")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode >= 300 {
		t.Fatalf("%s %s: %s", method, path, response.Status)
	}
}

// application is a client of a broker as applications are.
type application struct {
	t       *testing.T
	channel *amqp.Channel
}

func newApplication(t *testing.T, b *testenv.Broker) *application {
	t.Helper()
	conn, err := amqp.Dial(strings.Replace(b.AMQP, "amqp://", "amqp://guest:guest@", 1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseDeadline(time.Now().Add(time.Second)) })
	channel, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return &application{t, channel}
}

func (a *application) send(exchange, key string, n int) {
	a.t.Helper()
	for range n {
		if err := a.channel.PublishWithContext(a.t.Context(), exchange, key, false, false, amqp.Publishing{Body: []byte("m")}); err != nil {
			a.t.Fatal(err)
		}
	}
}

// hold takes up to so many messages and finishes none.
func (a *application) hold(queue string, n int) {
	a.t.Helper()
	err := a.channel.Qos(n, 0, false)
	if err == nil {
		_, err = a.channel.Consume(queue, queue, false, false, false, false, nil)
	}
	if err != nil {
		a.t.Fatal(err)
	}
}

// What can be provoked at one broker is, and each rule rings over the page as
// it is then.
func TestRabbitMQRules_oneBroker(t *testing.T) {
	// Those that the test needs, and not user_limits and its like.
	t.Setenv("RABBITMQ_FEATURE_FLAGS", "drop_unroutable_metric,quorum_queue,implicit_default_bindings,virtual_host_metadata,maintenance_mode_status")
	dir := t.TempDir()
	ca := newAuthority(t, dir)
	ca.issue(t, dir, 10*24*time.Hour)
	file := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := testenv.RabbitMQTLS(t, "", file("cert.pem"), file("key.pem"))
	b.Ctl(t, "add_user", "monitor", "hunter2")
	b.Ctl(t, "set_user_tags", "monitor", "monitoring")
	for _, name := range []string{"orders", "growing", "stuck", "orders.dlq"} {
		manage(t, b, http.MethodPut, "/queues/%2F/"+name, `{"durable":true}`)
	}
	in := newInstance(t, "hub", fmt.Sprintf(`
host: {collectors: {only: [loadavg]}}
intervals: {rabbitmq: 2s}
rabbitmq:
  - name: bus
    url: %[1]s
    metrics_url: %[2]s
    username: guest
    password: guest
    watch: {interval: 5s}
    provisioning: {consumers: 1}
    round_trip: {urls: ["%[3]s", "%[4]s"], ca_file: %[5]s, interval: 5s, timeout: 5s}
  - {name: shy, url: "%[1]s", metrics_url: "%[2]s", username: monitor, password: hunter2, watch: {interval: 5s}}
%[6]s`, b.Management, b.Prometheus, b.AMQP, b.AMQPS, ca.file, brokerRules))
	in.start()

	in.rings("user", "RabbitMQDefaultPassword(guest)")
	in.rings("", "RabbitMQEndOfLife", "RabbitMQFeatureFlagsOff", "RabbitMQCertificateExpiring", "RabbitMQAgentsMissing", "RabbitMQResourceNear")
	in.rings("part", "RabbitMQNotShown(queues)")
	if page := in.get("/metrics/rabbitmq/bus"); strings.Count(page, "\ntocsin_rabbitmq_round_trip_success{") != 2 || strings.Contains(page, "\ntocsin_rabbitmq_round_trip_failure_info") {
		t.Errorf("no message comes back:\n%s", page)
	}

	a := newApplication(t, b)
	a.send("", "orders", 3)
	a.send("", "nobody", 2)
	a.send("", "orders.dlq", 2)
	a.send("", "growing", 1)
	a.send("", "stuck", 1)
	holder := newApplication(t, b)
	holder.hold("growing", 1)
	other := newApplication(t, b)
	other.hold("stuck", 50)
	in.rings("queue", "RabbitMQQueueUnread(orders)")
	in.rings("", "RabbitMQUnroutable", "RabbitMQDeadLetters")
	a.send("", "growing", 20)
	a.send("", "stuck", 20)
	for range 10 {
		newApplication(t, b)
	}
	in.rings("queue", "RabbitMQBacklogGrowing(growing)", "RabbitMQUnacknowledgedGrowing(stuck)", "RabbitMQQueueStalled(stuck)")
	in.rings("what", "RabbitMQChurn(connection)")
	manage(t, b, http.MethodDelete, "/queues/%2F/orders/contents", "")
	in.silent("queue", "RabbitMQQueueUnread(orders)")

	// An agent of Publik comes, is told to deploy, and hangs.
	manage(t, b, http.MethodPut, "/exchanges/%2F/broadcast_tasks", `{"type":"fanout"}`)
	manage(t, b, http.MethodPut, "/queues/%2F/bcast.0b3f", `{"auto_delete":true}`)
	manage(t, b, http.MethodPost, "/bindings/%2F/e/broadcast_tasks/q/bcast.0b3f", "{}")
	agent := newApplication(t, b)
	agent.hold("bcast.0b3f", 1)
	in.silent("", "RabbitMQAgentsMissing")
	a.send("broadcast_tasks", "", 2)
	in.rings("", "RabbitMQAgentStalled")

	in.rings("", "RabbitMQDiskNear") // a test does not fill the disk, but raises the mark
	b.Ctl(t, "set_disk_free_limit", "100000000000000")
	in.rings("alarm", "RabbitMQAlarm(disk)")
	in.silent("", "RabbitMQDiskNear")
	b.Ctl(t, "set_disk_free_limit", "50MB")
	b.Ctl(t, "set_vm_memory_high_watermark", "absolute", "600MB")
	in.silent("alarm", "RabbitMQAlarm(disk)")
	in.rings("", "RabbitMQMemoryNear")
	b.Ctl(t, "set_vm_memory_high_watermark", "absolute", "1MB")
	in.rings("alarm", "RabbitMQAlarm(memory)")
	eventually(t, 30*time.Second, "the round trip is blocked", func() string { return in.get("/metrics/rabbitmq/bus") }, func() bool {
		return strings.Contains(in.get("/metrics/rabbitmq/bus"), `reason="blocked"`)
	})
	in.silent("", "RabbitMQRoundTripFailing", "RabbitMQMemoryNear")
	b.Ctl(t, "set_vm_memory_high_watermark", "0.4")
	in.silent("alarm", "RabbitMQAlarm(memory)")

	b.Ctl(t, "set_permissions", "guest", "^none$", "", "")
	in.rings("protocol", "RabbitMQRoundTripFailing(amqp)", "RabbitMQRoundTripFailing(amqps)")
	if text := in.get("/"); !contains(text, "rabbitmqctl set_permissions -p") {
		t.Errorf("the status page does not say what to do:\n%s", text)
	}
	b.Stop()
	in.rings("instance", fmt.Sprintf("RabbitMQNotAnswering(%s:bus)", hostname(t)))
	in.silent("", "CollectorFailing")
}

// Two nodes lose one another, and each goes on: when they meet again, the
// cluster has split. Then one dies.
func TestRabbitMQRules_cluster(t *testing.T) {
	t.Parallel()
	first, second := testenv.RabbitMQCluster(t, "")
	in := newInstance(t, "hub", fmt.Sprintf(`
host: {collectors: {only: [loadavg]}}
intervals: {rabbitmq: 2s}
rabbitmq:
  - {name: bus, url: "%s", mode: management, cluster: true, username: guest, password: guest, watch: {interval: 5s, nodes: 3}}
%s`, first.Management, brokerRules))
	in.start()
	in.rings("", "RabbitMQNodeNotJoined")
	if firing := in.ringing("node"); slices.ContainsFunc(firing, func(a string) bool { return strings.HasPrefix(a, "RabbitMQNodeDown") }) {
		t.Errorf("too much rings: %v", firing)
	}
	// Two nodes with two cookies do not speak to one another.
	first.Ctl(t, "eval", "erlang:set_cookie('second@localhost', other), erlang:disconnect_node('second@localhost').")
	in.rings("node", "RabbitMQNodeDown(second@localhost)")
	first.Ctl(t, "eval", "erlang:set_cookie('second@localhost', erlang:get_cookie()), net_kernel:connect_node('second@localhost').")
	in.rings("node", "RabbitMQPartitioned(tocsin@localhost)")
	// As the rule's text has it.
	second.Ctl(t, "stop_app")
	second.Ctl(t, "start_app")
	in.silent("node", "RabbitMQPartitioned(tocsin@localhost)", "RabbitMQNodeDown(second@localhost)")
	second.Kill()
	in.rings("node", "RabbitMQNodeDown(second@localhost)")
}

func TestRabbitMQRules_haveWordsForEachReasonOfTheRoundTrip(t *testing.T) {
	text, err := os.ReadFile("../../alerts/rules/rabbitmq_queues.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range roundtrip.Reasons() {
		if n := strings.Count(string(text), fmt.Sprintf("eq $reason %q", string(r))); n < 2 {
			t.Errorf("the rules have words for %s in %d languages", r, n)
		}
	}
}
