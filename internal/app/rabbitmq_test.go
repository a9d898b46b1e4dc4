package app

import (
	"fmt"
	"testing"
	"time"

	"tocsin/internal/testenv"
)

// TestRabbitMQ_isATarget: a broker of the site file has a page in the classic
// format, stands in the list of targets, and goes on over a reload that is not
// about it.
func TestRabbitMQ_isATarget(t *testing.T) {
	t.Parallel()
	b := testenv.RabbitMQ(t, "")
	site := fmt.Sprintf(`engine: off
rabbitmq:
  - {name: bus, url: %q, metrics_url: %q, username: guest, password: guest, queues: {include: .}, labels: {ward: north}}
  - {name: api, url: %[1]q, mode: management, username: guest, password: guest}
`, b.Management, b.Prometheus)
	in := newInstance(t, "app1", site)
	in.start()
	known := func() string { return in.get("/metrics/rabbitmq/bus") + in.get("/metrics/rabbitmq/api") }
	eventually(t, time.Minute, "both pages", known, func() bool {
		return contains(in.get("/metrics/rabbitmq/bus"), "# TYPE rabbitmq_queues gauge", `rabbitmq_endpoint="aggregated"`, `tocsin_rabbitmq_mode_info{mode="plugin"} 1`, "erlang_vm_process_count", "rabbitmq_global_publishers") &&
			contains(in.get("/metrics/rabbitmq/api"), "# TYPE rabbitmq_queues gauge", "rabbitmq_queue_process_memory_bytes", `tocsin_rabbitmq_mode_info{mode="management"} 1`, "tocsin_rabbitmq_up 1")
	})
	if sd := in.get("/sd"); !contains(sd, `"/metrics/rabbitmq/bus"`, `"job":"rabbitmq"`, `:bus"`, `"ward":"north"`) {
		t.Errorf("targets: %s", sd)
	}
	in.write(site + "probes: [http://127.0.0.1:1]\n")
	reload(t, in)
	eventually(t, 20*time.Second, "the reload", func() string { return in.process.Output() }, func() bool { return contains(in.get("/sd"), `"job":"probe"`) })
	if !contains(in.get("/metrics/rabbitmq/api"), "rabbitmq_queue_process_memory_bytes") {
		t.Error("what was listed is gone with a reload that is not about the broker")
	}
}
