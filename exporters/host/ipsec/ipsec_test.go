package ipsec

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/problem"
	"tocsin/internal/testenv"
)

// root makes a machine's / with a path that is short enough for a socket.
func root(t testing.TB) string {
	t.Helper()
	dir := testenv.ShortDir(t)
	if err := os.Mkdir(filepath.Join(dir, "run"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func socketOf(root string) string { return filepath.Join(root, "run/charon.vici") }

const connections = `connections {
  gw {
    local_addrs = 127.0.0.1
    remote_addrs = 192.0.2.1
    local { auth = psk
      id = a }
    remote { auth = psk
      id = b }
    children {
      net { remote_ts = 10.2.0.0/16 }
      other { remote_ts = 10.3.0.0/16 }
    }
  }
}
`

// The real daemon with a tunnel that is down: to let one stand takes more of
// the kernel than the tests have.
func TestIPsec_realDaemon(t *testing.T) {
	testenv.Root(t, "strongSwan's daemon runs as root")
	dir := root(t)
	program, swanctl := testenv.Program(t, "charon-systemd", "charon-systemd"), testenv.Program(t, "swanctl", "strongswan-swanctl")
	settings := "charon-systemd {\n load = random nonce aes sha1 sha2 gmp hmac kdf kernel-netlink socket-default vici\n port = 0\n port_nat_t = 0\n" +
		" install_routes = no\n plugins { vici { socket = unix://" + socketOf(dir) + " } }\n}\n"
	for name, text := range map[string]string{"strongswan.conf": settings, "swanctl.conf": connections} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "STRONGSWAN_CONF="+filepath.Join(dir, "strongswan.conf"))
	process := testenv.StartCmd(t, cmd)
	c := New(dir, Config{Tunnels: []string{"gw/net", "gone/net"}})
	testenv.Eventually(t, time.Minute, "the daemon answers", func(context.Context) error {
		if r := collectortest.Once(t, c); r.Samples["ipsec_up"] != 1 {
			return errors.New(r.Err)
		}
		return nil
	})
	load := exec.CommandContext(t.Context(), swanctl, "--load-conns", "--file", filepath.Join(dir, "swanctl.conf"), "--uri", "unix://"+socketOf(dir))
	if out, err := load.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r := collectortest.Once(t, c)
	if n := r.Samples["ipsec_workers_total"]; n < 1 || r.Samples["ipsec_idle_workers"] > n {
		t.Errorf("workers: %v", r.Samples)
	}
	for _, name := range []string{"workers_total", "idle_workers", "active_workers", "queues{critical}", "queues{high}", "queues{medium}", "queues{low}"} {
		if _, ok := r.Samples["ipsec_"+name]; !ok {
			t.Errorf("no ipsec_%s", name)
		}
		delete(r.Samples, "ipsec_"+name)
	}
	want := map[string]float64{
		"ipsec_up": 1, "ipsec_ike_sas": 0, "ipsec_half_open_ike_sas": 0, "ipsec_connection_up{net|gw}": 0, "ipsec_connection_up{other|gw}": 0,
		"tocsin_host_ipsec_tunnel_up{gw/net}": 0, "tocsin_host_ipsec_tunnel_up{gone/net}": 0,
	}
	if diff := cmp.Diff(want, r.Samples); diff != "" || r.Reason != "" {
		t.Errorf("%s %s\n%s", r.Reason, r.Err, diff)
	}
	process.Kill()
	want = map[string]float64{"ipsec_up": 0, "tocsin_host_ipsec_tunnel_up{gw/net}": 0, "tocsin_host_ipsec_tunnel_up{gone/net}": 0}
	if r := collectortest.Once(t, c); r.Reason != "" || !cmp.Equal(want, r.Samples) {
		t.Errorf("a daemon that was killed: %s %s %v", r.Reason, r.Err, r.Samples)
	}
}

// What messages are made of.
func name(kind byte, s string) string { return string([]byte{kind, byte(len(s))}) + s }

func value(key, v string) string {
	return name(keyValue, key) + string(binary.BigEndian.AppendUint16(nil, uint16(len(v)))) + v
}

func part(n string, in ...string) string {
	return name(sectionStart, n) + strings.Join(in, "") + string([]byte{sectionEnd})
}

func items(n string, in ...string) string {
	s := name(listStart, n)
	for _, item := range in {
		s += string([]byte{listItem}) + string(binary.BigEndian.AppendUint16(nil, uint16(len(item)))) + item
	}
	return s + string([]byte{listEnd})
}

func packet(kind byte, body string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(1+len(body)))) + string([]byte{kind}) + body
}

func conns() string {
	return packet(packetEvent, "\x09list-conn"+part("gw", items("local_addrs", "127.0.0.1"), value("version", "IKEv2"), part("children", part("net", value("mode", "TUNNEL")), part("dmz"))))
}

// fake answers one command after another, whatever is asked, and ends.
func fake(t *testing.T, dir string, answers ...string) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socketOf(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() { // until the listener is closed
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for _, answer := range answers {
					var header [4]byte
					if _, err := io.ReadFull(conn, header[:]); err != nil {
						return
					}
					if _, err := io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint32(header[:]))); err != nil {
						return
					}
					_, _ = io.WriteString(conn, answer)
				}
			}()
		}
	}()
}

func TestIPsec_tunnelsThatStand(t *testing.T) {
	confirm := packet(packetConfirm, "")
	sa := func(connection, child, state string) string {
		return packet(packetEvent, "\x07list-sa"+part(connection, value("state", "ESTABLISHED"), value("remote-host", "192.0.2.1"),
			part("child-sas", part(child+"-7", value("name", child), value("state", state), value("bytes-in", "12"), value("install-time", "60")))))
	}
	dir := root(t)
	fake(t, dir, packet(packetResponse, part("workers", value("total", "16"), value("idle", "11"), part("active"))+part("ikesas", value("total", "3"), value("half-open", "1"))),
		confirm, conns()+packet(packetResponse, ""), confirm,
		confirm, sa("gw", "net", "REKEYED")+sa("gw", "net", "INSTALLED")+sa("gw", "dmz", "INSTALLING")+packet(packetResponse, ""), confirm)
	c := New(dir, Config{Tunnels: []string{"gw/net", "gw/dmz"}}).(*collector)
	c.now = func() time.Time { return time.Unix(1700000000, 0) }
	r := collectortest.Once(t, c)
	want := map[string]float64{
		"tocsin_host_ipsec_child_received_bytes_total{net|gw}": 24, "tocsin_host_ipsec_child_sent_bytes_total{net|gw}": 0,
		"tocsin_host_ipsec_child_keyed_timestamp_seconds{net|gw}": 1700000000 - 60,
		"ipsec_up": 1, "ipsec_workers_total": 16, "ipsec_idle_workers": 11, "ipsec_ike_sas": 3, "ipsec_half_open_ike_sas": 1,
		"ipsec_connection_up{net|gw}": 1, "ipsec_connection_up{dmz|gw}": 0, "tocsin_host_ipsec_tunnel_up{gw/net}": 1, "tocsin_host_ipsec_tunnel_up{gw/dmz}": 0,
	}
	if diff := cmp.Diff(want, r.Samples); diff != "" || r.Reason != "" {
		t.Errorf("%s %s\n%s", r.Reason, r.Err, diff)
	}
}

// Each association under the names of the ipsec exporter, where the site asks
// for them.
func TestIPsec_associations(t *testing.T) {
	confirm := packet(packetConfirm, "")
	sa := packet(packetEvent, "\x07list-sa"+part("gw", value("uniqueid", "3"), value("version", "2"), value("state", "ESTABLISHED"), value("local-host", "192.0.2.9"), value("local-id", "a"),
		value("remote-host", "192.0.2.1"), value("remote-id", "b"), value("remote-eap-id", "eve"), value("established", "90"), items("local-vips"), items("remote-vips", "10.0.0.7", "10.0.0.8"),
		part("child-sas", part("net-7", value("name", "net"), value("uniqueid", "7"), value("reqid", "1"), value("state", "INSTALLED"), value("mode", "TUNNEL"), value("protocol", "ESP"),
			value("bytes-in", "12"), value("packets-out", "4"), value("install-time", "60"), items("local-ts", "10.1.0.0/16"), items("remote-ts", "10.2.0.0/16", "10.3.0.0/16")))))
	dir := root(t)
	fake(t, dir, packet(packetResponse, ""), confirm, packet(packetResponse, ""), confirm, confirm, sa+packet(packetResponse, ""), confirm)
	r := collectortest.Once(t, New(dir, Config{Associations: true}))
	found := map[string]float64{}
	for name, v := range r.Samples {
		if strings.Contains(name, "_sa_") {
			found[name[:strings.Index(name, "{")]] = v
			for _, word := range []string{"192.0.2.9", "10.0.0.7, 10.0.0.8", "eve", "gw"} {
				if !strings.Contains(name, word) {
					t.Errorf("%s lacks %s", name, word)
				}
			}
			if strings.Contains(name, "child") && !strings.Contains(name, "10.2.0.0/16, 10.3.0.0/16") {
				t.Errorf("%s lacks its networks", name)
			}
		}
	}
	want := map[string]float64{
		"ipsec_ike_sa_state": 2, "ipsec_ike_sa_established_seconds": 90, "ipsec_child_sa_state": 3, "ipsec_child_sa_bytes_in": 12,
		"ipsec_child_sa_packets_out": 4, "ipsec_child_sa_installed_seconds": 60,
	}
	if diff := cmp.Diff(want, found); diff != "" || r.Reason != "" {
		t.Errorf("%s %s\n%s", r.Reason, r.Err, diff)
	}
}

// A tunnel is not said to be down because the answer was not understood.
func TestIPsec_answersThatAreWrong(t *testing.T) {
	stats, confirm := packet(packetResponse, ""), packet(packetConfirm, "")
	for name, answers := range map[string][]string{
		"nothing":             {""},
		"cut off":             {stats[:3]},
		"huge":                {"\x7f\xff\xff\xff"},
		"empty":               {"\x00\x00\x00\x00"},
		"unknown command":     {packet(2, "")},
		"unknown event":       {stats, packet(6, "")},
		"an event cut off":    {stats, confirm, packet(packetEvent, "\x09li")},
		"a message cut off":   {stats, confirm, packet(packetEvent, "\x09list-conn"+"\x01\x05a")},
		"associations do end": {stats, confirm, conns() + packet(packetResponse, ""), confirm, confirm},
	} {
		dir := root(t)
		fake(t, dir, answers...)
		r := collectortest.Once(t, New(dir, Config{Tunnels: []string{"gw/net"}}))
		if _, told := r.Samples["tocsin_host_ipsec_tunnel_up{gw/net}"]; told || r.Reason == "" || !strings.HasPrefix(r.Err, socketOf(dir)) {
			t.Errorf("%s: %q %s %v", name, r.Reason, r.Err, r.Samples)
		}
	}
}

func TestIPsec_whereThereIsNone(t *testing.T) {
	if r := collectortest.Once(t, New(t.TempDir(), Config{})); r.Reason != "" || len(r.Samples) > 0 {
		t.Errorf("%s %v", r.Reason, r.Samples)
	}
	r := collectortest.Once(t, New(t.TempDir(), Config{Tunnels: []string{"gw/net"}}))
	if r.Reason != "" || !cmp.Equal(r.Samples, map[string]float64{"ipsec_up": 0, "tocsin_host_ipsec_tunnel_up{gw/net}": 0}) {
		t.Errorf("%s %v", r.Reason, r.Samples)
	}
}

func TestIPsec_conformance(t *testing.T) {
	dir := root(t)
	fake(t, dir, packet(packetResponse, ""))
	collectortest.Run(t, func(testing.TB) frame.Collector { return New(dir, Config{Tunnels: []string{"gw/net"}}) })
}

func TestConfig_validate(t *testing.T) {
	p := problem.New()
	Config{Tunnels: []string{"gw/net", "gw", "/x", "gw/net"}}.Validate(p)
	want := []problem.Problem{
		{Path: "tunnels[1]", Text: `"gw" is no tunnel; write the connection and its child as swanctl.conf has them, as office/net`},
		{Path: "tunnels[2]", Text: `"/x" is no tunnel; write the connection and its child as swanctl.conf has them, as office/net`},
		{Path: "tunnels[3]", Text: `"gw/net" is there twice; strike one`},
	}
	if diff := cmp.Diff(want, p.All()); diff != "" {
		t.Error(diff)
	}
}

func TestDecode_nothingElse(t *testing.T) {
	for name, message := range map[string]string{
		"an end without a beginning": string([]byte{sectionEnd}),
		"a section without end":      name(sectionStart, "a"),
		"an unknown element":         "\x09\x01a",
		"a value cut off":            name(keyValue, "a") + "\x00\x09b",
		"too deep":                   strings.Repeat(name(sectionStart, "a"), 1000),
	} {
		if _, err := decode([]byte(message)); !errors.Is(err, errVici) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(part("gw", value("a", "b"), items("l", "x", "y"), part("children"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := decode(b); err != nil && !errors.Is(err, errVici) || err == nil && s == nil {
			t.Errorf("%v, %v", s, err)
		}
	})
}
