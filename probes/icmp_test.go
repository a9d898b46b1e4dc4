package probes

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/testenv"
	"tocsin/probes/icmpprobe"
	"tocsin/probes/probe"
)

// ping looks at this machine, where somebody may ping at all.
func ping(t *testing.T, cfg Config, opts Options) (Result, page) {
	t.Helper()
	cfg.Timeout = model.Duration(2 * time.Second)
	c, err := New(cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	if r := c.prober.Probe(t.Context()); r.Unmeasured != nil {
		testenv.Skip(t, r.Unmeasured.Error())
	}
	return look(t, cfg, opts)
}

func TestICMP_thisMachine(t *testing.T) {
	for _, c := range []struct {
		name, target string
		icmp         icmpprobe.Config
		protocol     float64
	}{
		{"IPv4", "icmp://127.0.0.1", icmpprobe.Config{}, 4},
		{"IPv6", "icmp://[::1]", icmpprobe.Config{}, 6},
		{"a large packet", "icmp://127.0.0.1", icmpprobe.Config{PayloadSize: 9000}, 4},
		{"a large packet, whole", "icmp://127.0.0.1", icmpprobe.Config{PayloadSize: 9000, DontFragment: true}, 4},
		{"a byte", "icmp://127.0.0.1", icmpprobe.Config{PayloadSize: 1, TTL: 1}, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, page := ping(t, Config{Target: c.target, ICMP: c.icmp}, Options{})
			wantReason(t, r, page, "", "")
			page.wants(t, "probe_ip_protocol", c.protocol)
			page.wants(t, "probe_icmp_reply_hop_limit", 64)
			if rtt := page[`probe_icmp_duration_seconds{phase="rtt"}`]; rtt <= 0 || rtt > 1 {
				t.Errorf("the round trip took %v s", rtt)
			}
		})
	}
}

func TestICMP_failures(t *testing.T) {
	r, page := ping(t, Config{Target: "icmp://127.0.0.1", ICMP: icmpprobe.Config{PayloadSize: icmpprobe.MaxPayload, DontFragment: true}, IPVersion: 4}, Options{})
	if r.Success {
		t.Log("this machine's own interface takes the largest packet whole")
	} else {
		wantReason(t, r, page, probe.TooLarge, "processing")
	}
	no := func(netip.Addr) error { return errors.New("is this machine itself") }
	r, page = ping(t, Config{Target: "icmp://127.0.0.1"}, Options{AllowAddress: no})
	wantReason(t, r, page, probe.BlockedAddress, "connect")

	r, page = ping(t, Config{Target: "icmp://nobody.invalid"}, Options{Lookup: func(ctx, string) ([]netip.Addr, error) { return nil, nil }})
	wantReason(t, r, page, probe.DNS, "resolve")
}

// TestICMP_severalAtOnce lets pings with raw sockets hear one another's
// replies: each takes its own only.
func TestICMP_severalAtOnce(t *testing.T) {
	for range 8 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for range 20 {
				r, page := ping(t, Config{Target: "icmp://127.0.0.1"}, Options{})
				wantReason(t, r, page, "", "")
			}
		})
	}
}
