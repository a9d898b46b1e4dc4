package probes

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/testenv"
	"tocsin/probes/probe"
)

// TestMumble asks a real server, and one that has stopped.
func TestMumble(t *testing.T) {
	port := testenv.Port(t)
	server := testenv.Mumble(t, port, "users=20\nbandwidth=64000")
	cfg := Config{Target: fmt.Sprintf("mumble://127.0.0.1:%d", port), Timeout: model.Duration(10 * time.Second)}
	r, page := look(t, cfg, Options{})
	wantReason(t, r, page, "", "")
	page.wants(t, "probe_mumble_users", 0)
	page.wants(t, "probe_mumble_max_users", 20)
	page.wants(t, "probe_mumble_user_max_bandwidth_bytes_per_second", 8000)
	if !strings.Contains(strings.Join(page.sorted(), "\n"), `probe_mumble_version_info{version="1.`) {
		t.Errorf("no version: %q", page.sorted())
	}
	if page["probe_mumble_rtt_seconds"] <= 0 {
		t.Errorf("it took %v", page["probe_mumble_rtt_seconds"])
	}
	server.Stop()
	r, page = look(t, cfg, Options{})
	wantReason(t, r, page, probe.Refused, "processing")
	page.lacks(t, "probe_mumble_users")
}

// TestMumble_refusesPings has a real server that answers none.
func TestMumble_refusesPings(t *testing.T) {
	t.Parallel()
	port := testenv.Port(t)
	testenv.Mumble(t, port, "allowping=false")
	r, page := look(t, Config{Target: fmt.Sprintf("mumble://127.0.0.1:%d", port), Timeout: model.Duration(2500 * time.Millisecond)}, Options{})
	wantReason(t, r, page, probe.Timeout, "processing")
	if page["probe_mumble_pings"] < 2 {
		t.Errorf("%v pings were sent", page["probe_mumble_pings"])
	}
}

// datagrams is a server that answers as said.
func datagrams(t *testing.T, answer func(n int, question []byte) []byte) string {
	t.Helper()
	return sipServer(t, func(n int, q string) string { return string(answer(n, []byte(q))) })
}

// pong is a right answer: 1.4.230, 3 of 50 users, 72000 bit/s.
func pong(question []byte) []byte {
	b := append([]byte{0, 1, 4, 230}, question[4:]...)
	return append(b, 0, 0, 0, 3, 0, 0, 0, 50, 0, 1, 0x19, 0x40)
}

func TestMumble_answers(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(int, []byte) []byte
		reason probe.Reason
	}{
		{"right", func(_ int, q []byte) []byte { return pong(q) }, ""},
		{"lost, then right", func(n int, q []byte) []byte {
			if n == 1 {
				return nil
			}
			return pong(q)
		}, ""},
		{"to another ping", func(_ int, q []byte) []byte { return pong(append([]byte("xxxx"), "12345678"...)) }, probe.Protocol},
		{"short", func(_ int, q []byte) []byte { return pong(q)[:20] }, probe.Protocol},
		{"long", func(_ int, q []byte) []byte { return append(pong(q), 0) }, probe.Protocol},
		{"one byte", func(int, []byte) []byte { return []byte{1} }, probe.Protocol},
		{"the question", func(_ int, q []byte) []byte { return q }, probe.Protocol},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, page := look(t, Config{Target: "mumble://" + datagrams(t, c.answer), Timeout: model.Duration(4 * time.Second)}, Options{})
			if r.Reason != c.reason {
				t.Errorf("the reason is %q: %v", r.Reason, r.Err)
			}
			if c.reason == "" {
				page.wants(t, `probe_mumble_version_info{version="1.4.230"}`, 1)
				page.wants(t, "probe_mumble_users", 3)
				page.wants(t, "probe_mumble_user_max_bandwidth_bytes_per_second", 9000)
			}
		})
	}
}

// FuzzMumble has servers that say anything: the look ends, with a reason.
func FuzzMumble(f *testing.F) {
	f.Add(pong(make([]byte, 12)))
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, said []byte) {
		p, err := NewProber(Config{Target: "mumble://127.0.0.1"}, Options{Dial: func(ctx, string, string) (net.Conn, error) {
			server, client := net.Pipe()
			go func() { // ends when either side closes
				_, _ = server.Read(make([]byte, 12))
				_, _ = server.Write(said)
				_ = server.Close()
			}()
			return client, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		if r := p.Probe(t.Context()); r.Success || r.Reason == "" || r.Reason == probe.Other {
			t.Errorf("success %v, reason %q: %v, %v", r.Success, r.Reason, r.Err, r.Unmeasured)
		}
	})
}
