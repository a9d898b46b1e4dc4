package watch

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/problem"
)

func TestConfig_badFiles(t *testing.T) {
	for name, c := range map[string]struct {
		watch, provisioning string
		want                []string
	}{
		"good":       {"{interval: 30s, nodes: 3, top: 5, ignore: '^test'}", "{consumers: 7}", nil},
		"too often":  {"{interval: 1s}", "{}", []string{"interval: 1s is not between 5s and 1h; usual is 1m0s"}},
		"no cluster": {"{nodes: -1}", "{}", []string{"nodes: -1 is not between 1 and 64; write how many nodes the cluster has"}},
		"no top":     {"{top: 100000}", "{}", []string{"top: 100000 is not between 1 and 1000; usual is 20"}},
		"bad patterns": {"{ignore: '(', dead_letters: '*'}", "{queues: '['}", []string{
			"dead_letters: error parsing regexp: missing argument to repetition operator: `*`; write a regular expression, as ^dead\\.",
			"ignore: error parsing regexp: missing closing ): `(`; write a regular expression, as ^test\\.",
			"queues: error parsing regexp: missing closing ]: `[`; write a regular expression, as ^bcast\\.",
		}},
		"no agents": {"{}", "{consumers: -2}", []string{"consumers: -2 is no number of agents; write how many hear the broadcast, one a machine"}},
	} {
		t.Run(name, func(t *testing.T) {
			var w Config
			var p Provisioning
			if err := yaml.Unmarshal([]byte(c.watch), &w); err != nil {
				t.Fatal(err)
			}
			if err := yaml.Unmarshal([]byte(c.provisioning), &p); err != nil {
				t.Fatal(err)
			}
			w.SetDefaults()
			p.SetDefaults()
			list := problem.New()
			w.Validate(list)
			p.Validate(list)
			var got []string
			for _, one := range list.All() {
				got = append(got, one.Path+": "+one.Text)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestLife(t *testing.T) {
	for i, one := range series {
		day, err := time.Parse(time.DateOnly, one.first)
		if err != nil {
			t.Error(err)
		}
		if i > 0 {
			if before, _ := time.Parse(time.DateOnly, series[i-1].first); !before.Before(day) {
				t.Errorf("%s is not after the one before", one.name)
			}
		}
	}
	for version, want := range map[string]string{
		"3.10.8": "3.10 2022-09-26 true", "4.2.9": "4.2 2026-04-21 true", "3.5.7": "3.5 2015-12-22 true", "2.8.7": "2.8 2015-12-22 true",
		"4.3.5":      "4.3 0001-01-01 true", // the newest one: no end is known
		"4.3.0-rc.1": "4.3 0001-01-01 true", "4.9.0": "4.9 2015-12-22 false", "5.0.0": "5.0 2015-12-22 false", "": " 0001-01-01 false", "x.y.z": " 0001-01-01 false",
	} {
		name, at, known := ends(version)
		if got := fmt.Sprintf("%s %s %v", name, at.Format(time.DateOnly), known); got != want {
			t.Errorf("%q: %s, not %s", version, got, want)
		}
	}
}

func TestGuessed(t *testing.T) {
	hash := func(password string) string {
		sum := sha256.Sum256([]byte("salt" + password))
		return base64.StdEncoding.EncodeToString(append([]byte("salt"), sum[:]...))
	}
	const sha = "rabbit_password_hashing_sha256"
	for _, c := range []struct {
		name, hash, algorithm string
		want                  bool
	}{
		// As a broker 3.10.8 gave it, for guest.
		{"guest", "NVvYHqvnrUZfRTDGBfd36u+eu/rHy+Kc+y0YeXdJsRXCtw3s", sha, true},
		{"shop", hash("shop"), sha, true},
		{"shop", hash("changeme"), sha, true},
		{"shop", hash("correct horse"), sha, false},
		{"shop", hash("shop"), "rabbit_password_hashing_sha512", false},
		{"shop", hash("shop"), "", false},
		{"shop", "", sha, false}, // a user without a password
		{"shop", "AAAA", sha, false},
		{"shop", "no base64!", sha, false},
	} {
		if got := guessed(c.name, c.hash, c.algorithm); got != c.want {
			t.Errorf("%s %s: %v", c.name, c.hash, got)
		}
	}
}

func queueOf(t *testing.T, text string) *queue {
	t.Helper()
	q := &queue{}
	if err := json.Unmarshal([]byte(text), q); err != nil {
		t.Fatal(err)
	}
	return q
}

func TestLetters_roles(t *testing.T) {
	queues := []*queue{
		queueOf(t, `{"name":"work","vhost":"/","consumers":1,"arguments":{"x-dead-letter-exchange":"","x-dead-letter-routing-key":"failed"}}`),
		queueOf(t, `{"name":"failed","vhost":"/","arguments":[],"effective_policy_definition":[]}`),
		queueOf(t, `{"name":"later","vhost":"/","arguments":{"x-message-ttl":60000,"x-dead-letter-exchange":"","x-dead-letter-routing-key":"work"}}`),
		queueOf(t, `{"name":"expires","vhost":"/","consumers":1,"arguments":{"x-message-ttl":60000},"effective_policy_definition":{"dead-letter-exchange":"","dead-letter-routing-key":"expired"}}`),
		queueOf(t, `{"name":"expired","vhost":"/"}`),
		queueOf(t, `{"name":"mails.DLQ","vhost":"/"}`),
		queueOf(t, `{"name":"deadline","vhost":"/"}`),
		queueOf(t, `{"name":"failed","vhost":"other"}`),
	}
	l := newLetters(regexp.MustCompile(defaultDeadLetters))
	for _, q := range queues {
		l.see(q)
	}
	var got []string
	for _, q := range queues {
		got = append(got, l.role(q))
	}
	want := []string{roleWork, roleDeadLetter, roleDelay, roleWork, roleDeadLetter, roleDeadLetter, roleWork, roleWork}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestStalls(t *testing.T) {
	var s stalls
	now := time.Unix(1000, 0)
	look := func(messages, acked string) string {
		now = now.Add(time.Minute)
		s.renew(now, false).see(queueOf(t, `{"name":"q","vhost":"/","consumers":1,"messages_ready":`+messages+`,"message_stats":{"ack":`+acked+`}}`))
		since, ok := s.since(place{"/", "q"})
		if !ok {
			return "none"
		}
		return now.Sub(since).String()
	}
	for i, c := range []struct{ messages, acked, want string }{
		{"3", "5", "0s"}, {"3", "5", "1m0s"}, {"9", "5", "2m0s"}, {"9", "6", "0s"}, {"9", "6", "1m0s"}, {"0", "6", "none"}, {"1", "6", "0s"},
	} {
		if got := look(c.messages, c.acked); got != c.want {
			t.Errorf("look %d: %s, not %s", i, got, c.want)
		}
	}
	if s.renew(now, true).see(queueOf(t, `{"name":"q","vhost":"/","consumers":1,"messages_ready":1}`)); len(s.at) != 0 {
		t.Error("a broker that counts nothing has a queue that stalls")
	}
}

// answers is a broker of RabbitMQ 4 that answers by path.
func answers(t *testing.T, change map[string]string) *httptest.Server {
	t.Helper()
	docs := map[string]string{
		"/api/overview":                 `{"node":"rabbit@a","rabbitmq_version":"4.2.5","disable_stats":false,"rates_mode":"basic","object_totals":{"queues":0},"message_stats":[],"churn_rates":[]}`,
		"/api/nodes":                    `[{"name":"rabbit@a","running":true,"fd_used":0,"fd_total":0,"mem_used":10,"mem_limit":"memory_monitoring_disabled","disk_free":"NaN","disk_free_limit":50,"partitions":[]}]`,
		"/api/queues":                   `{"items":[],"page_count":1}`,
		"/api/feature-flags":            `[{"name":"khepri_db","state":"disabled","stability":"stable"},{"name":"odd","state":"state_changing","stability":"new"}]`,
		"/api/deprecated-features/used": `[{"name":"classic_queue_mirroring","deprecation_phase":"removed"},{"name":"odd","deprecation_phase":"?"}]`,
		"/api/users":                    `[]`,
	}
	maps.Copy(docs, change)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := docs[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if code, rest, found := strings.Cut(body, "|"); found {
			status := 0
			_, _ = fmt.Sscan(code, &status)
			w.WriteHeader(status)
			body = rest
		}
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return server
}

func of(t *testing.T, server *httptest.Server, p *Provisioning) *Collector {
	t.Helper()
	var c Config
	c.SetDefaults()
	return New(c, p, Options{Client: client(t, server.URL, "monitor", "hunter2"), Username: "monitor"})
}

// What a newer broker does not count any more is left out, and what an older
// one does not know is there.
func TestWatch_newerBroker(t *testing.T) {
	r := collectortest.Once(t, of(t, answers(t, nil), nil))
	for name, want := range map[string]float64{
		"tocsin_rabbitmq_deprecated_features_used":                                 2,
		"tocsin_rabbitmq_deprecated_feature_used{classic_queue_mirroring|removed}": 1,
		"tocsin_rabbitmq_deprecated_feature_used{odd|other}":                       1,
		"tocsin_rabbitmq_feature_flag_enabled{khepri_db|stable}":                   0,
		"tocsin_rabbitmq_feature_flag_enabled{odd|other}":                          0,
		"tocsin_rabbitmq_detected{deprecated_features}":                            1,
	} {
		if got, ok := r.Samples[name]; !ok || got != want {
			t.Errorf("%s is %v (%v), not %v", name, got, ok, want)
		}
	}
	for name := range r.Samples {
		if strings.Contains(name, "resource") || strings.Contains(name, "disk") || strings.Contains(name, "node_alarm") || strings.Contains(name, "churn") {
			t.Errorf("%s is told, and was not counted", name)
		}
	}
}

func TestWatch_hostileAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		change map[string]string
		reason frame.Reason
		words  string
		keeps  string // what is on the page all the same
	}{
		"a web page":          {map[string]string{"/api/overview": "<html>Log in</html>"}, frame.ReasonRefused, "web page", ""},
		"half a list":         {map[string]string{"/api/queues": `{"items":[{"name":"a","vhost":"/"`}, frame.ReasonError, "ends in the middle", "tocsin_rabbitmq_node_up{rabbit@a}"},
		"status 500":          {map[string]string{"/api/nodes": `500|[{"name":"rabbit@a","running":true}]`}, frame.ReasonError, "status 500", "tocsin_rabbitmq_queues_unread"},
		"no statistics":       {map[string]string{"/api/overview": `{"node":"rabbit@a","rabbitmq_version":"4.2.5","disable_stats":true}`}, "", "", "tocsin_rabbitmq_detected{statistics}"},
		"too many queues":     {map[string]string{"/api/overview": `{"node":"rabbit@a","object_totals":{"queues":20001}}`, "/api/queues": "500|"}, "", "", "tocsin_rabbitmq_detected{queues}"},
		"queues as odd types": {map[string]string{"/api/queues": `{"items":[{"name":7,"vhost":null,"messages_ready":"undefined","arguments":[],"message_stats":[]}],"page_count":1}`}, "", "", "tocsin_rabbitmq_queues{running}"},
		"too many nodes":      {map[string]string{"/api/nodes": `[` + strings.Repeat(`{"name":"n","running":false},`, 70) + `{"name":"n"}]`}, frame.ReasonInvalid, "", "tocsin_rabbitmq_queues_unread"},
		"nothing but 401":     {map[string]string{"/api/overview": `401|{"error":"not_authorised"}`}, frame.ReasonRefused, "refuses user monitor", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := collectortest.Once(t, of(t, answers(t, c.change), nil))
			if r.Reason != c.reason || !strings.Contains(r.Err, c.words) || strings.Contains(r.Err, "hunter2") {
				t.Errorf("%s: %s", r.Reason, r.Err)
			}
			if _, ok := r.Samples[c.keeps]; !ok && c.keeps != "" {
				t.Errorf("%s is not on the page: %v", c.keeps, r.Samples)
			}
		})
	}
}

// Fifty thousand queues are fifty thousand objects that are read one by one.
func BenchmarkWatch_manyQueues(b *testing.B) {
	var items strings.Builder
	for i := range 500 {
		fmt.Fprintf(&items, `,{"name":"q%d","vhost":"/","state":"running","messages_ready":%d,"messages_unacknowledged":0,"consumers":1,"arguments":{"x-queue-type":"quorum"},"effective_policy_definition":{},"message_stats":{"ack":%d}}`, i, i%3, i)
	}
	page := `{"items":[` + items.String()[1:] + `],"page_count":100}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/queues":
			_, _ = w.Write([]byte(page))
		case "/api/overview":
			_, _ = w.Write([]byte(`{"rabbitmq_version":"3.10.8"}`))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	var c Config
	c.SetDefaults()
	w := New(c, nil, Options{Client: client(b, server.URL, "monitor", "x"), Username: "monitor"})
	b.ReportAllocs()
	for b.Loop() {
		_ = w.Collect(b.Context(), frame.NewSink(Families()))
	}
}
