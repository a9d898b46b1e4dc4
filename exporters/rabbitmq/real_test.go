package rabbitmq

import (
	"testing"

	"tocsin/internal/frame/collectortest"
	"tocsin/internal/testenv"
)

// entry is a broker of a test as its site file would have it.
func entry(b *testenv.Broker, mode string) Config {
	c := Config{Name: "bus", URL: b.Management, MetricsURL: b.Prometheus, Mode: mode, Username: "guest"}
	c.Password.UnmarshalText([]byte("guest"))
	c.SetDefaults()
	return c
}

func TestReal_plugin(t *testing.T) {
	b := testenv.RabbitMQ(t, "")
	entries, err := New(entry(b, ModePlugin), Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := collectortest.Once(t, entries[0].Collector)
	if r.Reason != "" || r.Samples["rabbitmq_disk_space_available_bytes"] == 0 {
		t.Errorf("%s %s, %d samples", r.Reason, r.Err, len(r.Samples))
	}
}
