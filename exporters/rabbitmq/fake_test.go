package rabbitmq

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
)

// fake is a broker of a cluster of two, with answers as RabbitMQ 3.10.8 gives
// them; a test changes what it needs.
type fake struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string]string // by path; a number alone is a status
	asked   []string
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{answers: map[string]string{
		"/metrics": `# TYPE rabbitmq_identity_info untyped
# HELP rabbitmq_identity_info RabbitMQ node & cluster identity info
rabbitmq_identity_info{rabbitmq_node="a@h",rabbitmq_cluster="c",rabbitmq_cluster_permanent_id="id"} 1
# TYPE rabbitmq_queue_messages_ready gauge
rabbitmq_queue_messages_ready 3
`,
		"/metrics/detailed": `# TYPE rabbitmq_detailed_queue_messages gauge
rabbitmq_detailed_queue_messages{vhost="/",queue="a"} 1
rabbitmq_detailed_queue_messages{vhost="/",queue="b"} 5
rabbitmq_detailed_queue_messages{vhost="/",queue="amq.gen-1"} 9
rabbitmq_detailed_queue_messages{vhost="/",queue="odd "name""} 9
rabbitmq_detailed_queue_messages{vhost="other",queue="a"} 3
# TYPE rabbitmq_detailed_raft_term_total counter
rabbitmq_detailed_raft_term_total{vhost="/",queue="b"} 7
rabbitmq_detailed_raft_term_total 0
# TYPE rabbitmq_detailed_queue_info gauge
rabbitmq_detailed_queue_info{vhost="/",queue="a",queue_type="rabbit_classic_queue",membership="leader"} 1
rabbitmq_detailed_queue_info{vhost="/",queue="b",queue_type="rabbit_quorum_queue",membership="leader"} 1
# TYPE rabbitmq_identity_info untyped
rabbitmq_identity_info{rabbitmq_node="a@h",rabbitmq_endpoint="detailed"} 1
`,
		"/api/overview": `{"node": "a@h", "cluster_name": "c", "rabbitmq_version": "3.10.8", "erlang_version": "25.2.3",
			"object_totals": {"queues": 4, "connections": 3, "channels": 3, "consumers": 1}, "queue_totals": {"messages": 18}, "message_stats": {"disk_writes": 8}}`,
		"/api/nodes": `[{"name": "a@h", "running": true, "mem_used": 10, "mem_alarm": true, "uptime": 1500, "io_read_count": 4, "io_read_avg_time": 0.5, "partitions": ["b@h"],
			"applications": [{"name": "prometheus", "version": "4.9.1"}]}, {"name": "b@h", "running": false}, {"name": "c@h", "running": true, "mem_used": 99}]`,
		"/api/global-parameters/internal_cluster_id": `401`,
		"/api/auth/attempts/a@h":                     `[{"protocol": "amqp091", "auth_attempts": 5, "auth_attempts_failed": 2, "auth_attempts_succeeded": 3}]`,
		"/api/queues": `{"page_count": 1, "items": [
			{"vhost": "/", "name": "a", "node": "a@h", "messages": 1, "consumers": 1, "memory": 10, "message_stats": {"publish": 4}},
			{"vhost": "/", "name": "b \"q\"\n🦉", "node": "a@h", "messages": 5, "consumers": 0, "memory": 20},
			{"vhost": "/", "name": "amq.gen-1", "node": "a@h", "messages": 9, "consumers": 0, "memory": 30},
			{"vhost": "/", "name": "far", "node": "c@h", "messages": 3, "consumers": 2, "memory": 40}]}`,
		"/api/connections": `{"page_count": 1, "items": [{"node": "a@h", "recv_oct": 7, "channels": 1}, {"node": "c@h", "recv_oct": 70, "channels": 1}]}`,
		"/api/channels":    `{"page_count": 1, "items": [{"node": "a@h", "messages_unacknowledged": 2, "message_stats": {"ack": 6}}]}`,
		"/api/vhosts":      `[{"name": "/", "cluster_state": {"a@h": "running"}}, {"name": "broken", "cluster_state": {"a@h": "stopped"}}]`,
		"/api/exchanges":   `{"page_count": 1, "items": [{"name": "", "vhost": "/", "type": "direct"}, {"name": "events", "vhost": "/", "type": "topic"}]}`,
	}}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.asked = append(f.asked, r.URL.Path+"?"+r.URL.RawQuery)
		answer, ok := f.answers[r.URL.Path]
		status := http.StatusOK
		if _, err := fmt.Sscanf(answer, "%d", &status); !ok {
			status = http.StatusNotFound
		} else if err == nil {
			answer = ""
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *fake) set(path, answer string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[path] = answer
}

// times says how often a path was asked for.
func (f *fake) times(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, a := range f.asked {
		if strings.HasPrefix(a, path+"?") {
			n++
		}
	}
	return n
}

func (f *fake) config(mode string) Config {
	c := Config{Name: "bus", URL: f.URL, MetricsURL: f.URL, Mode: mode}
	c.SetDefaults()
	return c
}

// pair are the two collectors of one broker.
type pair struct {
	*broker
	*objects
	at time.Time // their clock
}

func newPair(t testing.TB, c Config) *pair {
	t.Helper()
	entries, err := New(c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{at: time.Unix(1_800_000_000, 0)}
	p.broker, p.objects = entries[0].Collector.(*broker), entries[1].Collector.(*objects)
	p.broker.now = func() time.Time { return p.at }
	p.objects.now = p.broker.now
	return p
}

func once(t testing.TB, c frame.Collector) collectortest.Result {
	t.Helper()
	return collectortest.Once(t, c)
}

// has wants samples of a result.
func has(t *testing.T, r collectortest.Result, want map[string]float64) {
	t.Helper()
	for name, value := range want {
		if got, ok := r.Samples[name]; !ok || got != value {
			t.Errorf("%s is %v (there: %t), want %v; %s %s", name, got, ok, value, r.Reason, r.Err)
		}
	}
}

func lacks(t *testing.T, r collectortest.Result, names ...string) {
	t.Helper()
	for _, name := range names {
		if v, ok := r.Samples[name]; ok {
			t.Errorf("%s is %v, want none", name, v)
		}
	}
}
