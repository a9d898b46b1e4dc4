package app

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"tocsin/internal/testenv"
)

// panelsBroker runs a broker on which there is something of everything: queues
// that wait, that nobody reads, that stand still and that hold dead letters, an
// agent of Publik, a port with a certificate, a message that goes round. It
// returns its part of the site file.
func panelsBroker(t *testing.T, dir, authority string) string {
	t.Helper()
	file := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := testenv.RabbitMQTLS(t, "", file("cert.pem"), file("key.pem"))
	for _, name := range []string{"orders", "stuck", "orders.dlq", "celeryev.0b3f", "celery@app1.celery.pidbox"} {
		manage(t, b, http.MethodPut, "/queues/%2F/"+name, `{"durable":true}`)
	}
	manage(t, b, http.MethodPut, "/exchanges/%2F/broadcast_tasks", `{"type":"fanout"}`)
	manage(t, b, http.MethodPut, "/queues/%2F/bcast.0b3f", `{"auto_delete":true}`)
	manage(t, b, http.MethodPost, "/bindings/%2F/e/broadcast_tasks/q/bcast.0b3f", "{}")
	holder := newApplication(t, b)
	holder.hold("stuck", 1)
	holder.hold("bcast.0b3f", 1)
	a := newApplication(t, b)
	err := a.channel.PublishWithContext(t.Context(), "", "orders", false, false, amqp.Publishing{Timestamp: time.Now(), Body: []byte("m")})
	if err != nil {
		t.Fatal(err)
	}
	for _, queue := range []string{"stuck", "orders.dlq", "nobody"} {
		a.send("", queue, 2)
	}
	a.send("broadcast_tasks", "", 2)
	return fmt.Sprintf(`rabbitmq:
  - name: bus
    url: %s
    metrics_url: %s
    username: guest
    password: guest
    queues: {include: ^orders}
    watch: {interval: 5s}
    provisioning: {consumers: 1}
    round_trip: {urls: ["%s", "%s"], ca_file: %s, interval: 5s, timeout: 5s}
`, b.Management, b.Prometheus, b.AMQP, b.AMQPS, authority)
}
