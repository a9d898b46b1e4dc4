package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"tocsin/exporters/rabbitmq/api"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/secret"
	"tocsin/internal/testenv"
)

// statistics is how long a change may take to be in the API's figures.
const statistics = 20 * time.Second

// client asks a broker as somebody.
func client(t testing.TB, url, user, password string) *api.Client {
	t.Helper()
	c, err := api.New(api.Options{URL: url, Username: user, Password: secret.Source{Value: secret.New(password)}, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// collector looks at a broker as guest, an administrator.
func collector(t *testing.T, b *testenv.Broker, p *Provisioning, change func(*Config, *Options)) *Collector {
	t.Helper()
	var c Config
	c.SetDefaults()
	o := Options{Client: client(t, b.Management, "guest", "guest"), Guest: client(t, b.Management, "guest", "guest"), Username: "guest", Local: true}
	if change != nil {
		change(&c, &o)
	}
	return New(c, p, o)
}

// call does something in a broker by its management API.
func call(t *testing.T, b *testenv.Broker, method, path, body string) string {
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
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= 300 {
		t.Fatalf("%s %s: %s, %v\n%s", method, path, response.Status, err, answer)
	}
	return string(answer)
}

func declare(t *testing.T, b *testenv.Broker, vhost, name, arguments string) {
	t.Helper()
	call(t, b, http.MethodPut, "/queues/"+vhost+"/"+name, `{"durable":true,"arguments":{`+arguments+`}}`)
}

// publish sends messages to a queue, or to whatever an exchange leads to.
func publish(t *testing.T, b *testenv.Broker, exchange, key string, n int, properties map[string]any) {
	t.Helper()
	if properties == nil {
		properties = map[string]any{}
	}
	body, err := json.Marshal(map[string]any{"routing_key": key, "payload": "m", "payload_encoding": "string", "properties": properties})
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		call(t, b, http.MethodPost, "/exchanges/%2F/"+exchange+"/publish", string(body))
	}
}

// consume takes up to so many messages of a queue and finishes none, until the
// test ends.
func consume(t *testing.T, b *testenv.Broker, queue string, prefetch int) {
	t.Helper()
	conn, err := amqp.Dial(strings.Replace(b.AMQP, "amqp://", "amqp://guest:guest@", 1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	channel, err := conn.Channel()
	if err == nil {
		err = channel.Qos(prefetch, 0, false)
	}
	if err == nil {
		_, err = channel.Consume(queue, "", false, false, false, false, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// until runs the collector until its page has these values.
func until(t *testing.T, c *Collector, want map[string]float64) collectortest.Result {
	t.Helper()
	var r collectortest.Result
	testenv.Eventually(t, statistics, "the page has what is wanted", func(context.Context) error {
		r = collectortest.Once(t, c)
		if r.Reason != "" {
			return fmt.Errorf("%s: %s", r.Reason, r.Err)
		}
		for name, value := range want {
			if got, ok := r.Samples[name]; !ok || got != value {
				return fmt.Errorf("%s is %v (%v), not %v", name, got, ok, value)
			}
		}
		return nil
	})
	return r
}

// agent starts one of Publik's agents.
func agent(t *testing.T, b *testenv.Broker, name string) *testenv.Process {
	t.Helper()
	return testenv.StartCmd(t, celery(t, b, "worker", "-P", "solo", "-n", name+"@localhost", "--prefetch-multiplier", "1"))
}

func celery(t *testing.T, b *testenv.Broker, args ...string) *exec.Cmd {
	t.Helper()
	testenv.Program(t, "celery", "celery") // Debian's, for Debian's Python: another may come first on the PATH
	folder, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", append([]string{"-m", "celery", "-A", "agents"}, args...)...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "PYTHONPATH="+folder, "PYTHONDONTWRITEBYTECODE=1", "BROKER="+strings.Replace(b.AMQP, "amqp://", "amqp://guest:guest@", 1)+"//")
	return cmd
}
