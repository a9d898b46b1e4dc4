//go:build linux

package host

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/problem"
	"tocsin/internal/testenv"
)

const wgFamily = 37 // the kernel numbers them as they come

func wgKey(fill byte) []byte  { return slices.Repeat([]byte{fill}, wireguardKey) }
func wgText(fill byte) string { return base64.StdEncoding.EncodeToString(wgKey(fill)) }
func native64(numbers ...uint64) (b []byte) {
	for _, n := range numbers {
		b = binary.NativeEndian.AppendUint64(b, n)
	}
	return b
}

func wgPeer(fill byte, handshake, received, sent uint64) []byte {
	return attribute(0|unix.NLA_F_NESTED, slices.Concat(attribute(wgPeerKey, wgKey(fill)), attribute(2, wgKey(0xff)),
		attribute(wgPeerHandshake, native64(handshake, 500e6)), attribute(wgPeerReceived, native64(received)), attribute(wgPeerSent, native64(sent))))
}

func wgDevice(peers ...[]byte) []byte {
	return slices.Concat([]byte{0, 1, 0, 0}, attribute(3, wgKey(0xfe)), attribute(wgDevicePeers|unix.NLA_F_NESTED, slices.Concat(peers...)))
}

func wgLink(index uint32, name, kind string) []byte {
	return slices.Concat(native(0), native(index), native(0), native(0), attribute(unix.IFLA_IFNAME, append([]byte(name), 0)),
		attribute(unix.IFLA_LINKINFO|unix.NLA_F_NESTED, attribute(unix.IFLA_INFO_KIND, append([]byte(kind), 0))))
}

func wgLists() map[uint16][][]byte {
	family := func(number byte, name string) []byte {
		return slices.Concat([]byte{1, 2, 0, 0}, attribute(ctrlNameTag, append([]byte(name), 0)), attribute(ctrlID, []byte{number, 0}))
	}
	return map[uint16][][]byte{
		unix.RTM_GETLINK:  {wgLink(1, "lo", ""), wgLink(2, "br0", "bridge"), wgLink(7, "wg0", "wireguard")},
		unix.GENL_ID_CTRL: {family(16, "nlctrl"), family(wgFamily, "wireguard"), family(38, "nl80211")},
		uint16(wgFamily):  {wgDevice(wgPeer(1, 1700000000, 10, 20), wgPeer(2, 0, 0, 148)), wgDevice(attribute(0, attribute(wgPeerKey, wgKey(2))), wgPeer(3, 1700000100, 5, 6))},
	}
}

var wgNames = WireGuard{Peers: map[string]string{wgText(1): "office", wgText(2): "depot", wgText(9): "gone"}, Expected: []string{"office", "depot", "gone"}}

// A kernel with an interface of its own, whose answer takes two parts.
func TestWireguard_kernel(t *testing.T) {
	var asked []byte
	dump := func(ctx context.Context, protocol int, kind uint16, body []byte, use func([]byte) error) error {
		if kind == wgFamily {
			asked = slices.Clone(body)
		}
		return answering(nil, wgLists())(ctx, protocol, kind, body, use)
	}
	r := run(t, newWireguard(wgNames, dump, t.TempDir()), time.Second)
	third := wgText(3)[:8]
	want := map[string]float64{
		`tocsin_host_wireguard_peers{interface="wg0"}`:                                                      3,
		`tocsin_host_wireguard_peer_last_handshake_timestamp_seconds{interface="wg0",peer="office"}`:        1700000000.5,
		`tocsin_host_wireguard_peer_last_handshake_timestamp_seconds{interface="wg0",peer="` + third + `"}`: 1700000100.5,
		`tocsin_host_wireguard_peer_received_bytes_total{interface="wg0",peer="office"}`:                    10,
		`tocsin_host_wireguard_peer_sent_bytes_total{interface="wg0",peer="office"}`:                        20,
		`tocsin_host_wireguard_peer_received_bytes_total{interface="wg0",peer="depot"}`:                     0,
		`tocsin_host_wireguard_peer_sent_bytes_total{interface="wg0",peer="depot"}`:                         148,
		`tocsin_host_wireguard_peer_received_bytes_total{interface="wg0",peer="` + third + `"}`:             5,
		`tocsin_host_wireguard_peer_sent_bytes_total{interface="wg0",peer="` + third + `"}`:                 6,
		`tocsin_host_wireguard_expected_peer_last_handshake_timestamp_seconds{peer="office"}`:               1700000000.5,
		`tocsin_host_wireguard_expected_peer_last_handshake_timestamp_seconds{peer="depot"}`:                0,
		`tocsin_host_wireguard_expected_peer_last_handshake_timestamp_seconds{peer="gone"}`:                 0,
	}
	// The handshake of 0 s and 500 ms is of the fixture alone.
	delete(r.samples, `tocsin_host_wireguard_peer_last_handshake_timestamp_seconds{interface="wg0",peer="depot"}`)
	r.samples[`tocsin_host_wireguard_expected_peer_last_handshake_timestamp_seconds{peer="depot"}`] = 0
	if diff := cmp.Diff(want, r.samples); diff != "" || r.reason != "" {
		t.Errorf("%s %s\n%s", r.reason, r.err, diff)
	}
	if want := slices.Concat([]byte{0, 1, 0, 0}, attribute(2, []byte("wg0\x00"))); !slices.Equal(want, asked) {
		t.Errorf("asked %v", asked)
	}
}

// Without the right nothing is said of expected peers, and only where there
// are any it is a failure.
func TestWireguard_withoutTheRight(t *testing.T) {
	denied := func(ctx context.Context, protocol int, kind uint16, body []byte, use func([]byte) error) error {
		if kind == wgFamily {
			return unix.EPERM
		}
		return answering(nil, wgLists())(ctx, protocol, kind, body, use)
	}
	wantFailure(t, run(t, newWireguard(wgNames, denied, t.TempDir()), time.Second), frame.ReasonPermission, "wg0", "CAP_NET_ADMIN", "packaging/README.md")
	c := newWireguard(WireGuard{}, denied, t.TempDir())
	if r := run(t, c, time.Second); r.reason != "" || len(r.samples) > 0 || !strings.Contains(c.Explain(), "CAP_NET_ADMIN") {
		t.Errorf("%s %v %q", r.reason, r.samples, c.Explain())
	}
}

func TestWireguard_whereThereIsNone(t *testing.T) {
	none := answering(nil, map[uint16][][]byte{unix.RTM_GETLINK: {wgLink(1, "lo", "")}})
	if r := run(t, newWireguard(WireGuard{}, none, t.TempDir()), time.Second); r.reason != "" || len(r.samples) > 0 {
		t.Errorf("%s %v", r.reason, r.samples)
	}
	r := run(t, newWireguard(wgNames, none, t.TempDir()), time.Second)
	if r.reason != "" || len(r.samples) != 3 {
		t.Errorf("%s %v", r.reason, r.samples)
	}
}

func TestWireguard_answersThatAreWrong(t *testing.T) {
	for name, entry := range map[string][]byte{
		"empty": {}, "cut": wgDevice(wgPeer(1, 1, 1, 1))[:60], "a peer without a key": wgDevice(attribute(0, attribute(wgPeerSent, native64(1)))),
	} {
		lists := wgLists()
		lists[wgFamily] = [][]byte{entry}
		r := run(t, newWireguard(wgNames, answering(nil, lists), t.TempDir()), time.Second)
		if r.reason == "" || r.samples[`tocsin_host_wireguard_expected_peer_last_handshake_timestamp_seconds{peer="office"}`] != 0 || len(r.samples) > 0 {
			t.Errorf("%s: %q %v", name, r.reason, r.samples)
		}
	}
}

func TestWireguard_conformance(t *testing.T) {
	collectortest.Run(t, func(t testing.TB) frame.Collector {
		return newWireguard(wgNames, answering(nil, wgLists()), t.TempDir())
	})
}

func TestWireguard_manyPeers(t *testing.T) {
	lists := wgLists()
	lists[wgFamily] = nil
	for i := range maxPeers + 7 {
		key := append(native(uint32(i)<<8|0x41), wgKey(7)[4:]...)
		lists[wgFamily] = append(lists[wgFamily], wgDevice(attribute(0, attribute(wgPeerKey, key))))
	}
	lists[wgFamily] = append(lists[wgFamily], wgDevice(wgPeer(1, 9, 1, 1)))
	r := run(t, newWireguard(wgNames, answering(nil, lists), t.TempDir()), time.Second)
	wantFailure(t, r, frame.ReasonError, "more than 500 peers")
	wantSamples(t, r, map[string]float64{
		`tocsin_host_wireguard_peers{interface="wg0"}`:                                        maxPeers + 8,
		`tocsin_host_wireguard_peer_received_bytes_total{interface="wg0",peer="office"}`:      1,
		`tocsin_host_wireguard_expected_peer_last_handshake_timestamp_seconds{peer="office"}`: 9.5,
	})
}

// Two interfaces of a real implementation, which is a program, shake hands.
func TestWireguard_realProgram(t *testing.T) {
	testenv.Root(t, "makes network interfaces")
	program, wg, ip := testenv.Program(t, "wireguard-go", "wireguard-go"), testenv.Program(t, "wg", "wireguard-tools"), testenv.Program(t, "ip", "iproute2")
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		testenv.Skip(t, "no interface can be made here: "+err.Error())
	}
	output := func(stdin, name string, args ...string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	type side struct{ device, private, public, port string }
	var sides [2]side
	for i := range sides {
		s := &sides[i]
		s.device = fmt.Sprintf("tc%d%c", os.Getpid()%1e9, 'a'+i)
		s.private = output("", wg, "genkey")
		s.public = output(s.private, wg, "pubkey")
		s.port = fmt.Sprint(testenv.Port(t))
		testenv.Start(t, program, "-f", s.device) // its socket lies in the machine's own /run
	}
	for i, s := range sides {
		other := sides[1-i]
		testenv.Eventually(t, 20*time.Second, "a socket", func(context.Context) error {
			_, err := os.Stat("/run/wireguard/" + s.device + ".sock")
			return err
		})
		key := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(key, []byte(s.private), 0o600); err != nil {
			t.Fatal(err)
		}
		output("", wg, "set", s.device, "private-key", key, "listen-port", s.port, "peer", other.public,
			"endpoint", "127.0.0.1:"+other.port, "persistent-keepalive", "1", "allowed-ips", "10.99.0.2/32")
		output("", ip, "link", "set", s.device, "up")
	}
	c := newWireguard(WireGuard{Peers: map[string]string{sides[1].public: "other"}, Expected: []string{"other"}}, dump, "/run/wireguard")
	peer := fmt.Sprintf(`{interface=%q,peer="other"}`, sides[0].device)
	testenv.Eventually(t, 30*time.Second, "a handshake", func(context.Context) error {
		r := run(t, c, 5*time.Second)
		at := r.samples[wireguardHandshake.Name+peer]
		if r.reason != "" || at < float64(time.Now().Add(-time.Minute).Unix()) || r.samples[wireguardExpected.Name+`{peer="other"}`] != at ||
			r.samples[wireguardReceived.Name+peer] == 0 || r.samples[wireguardSent.Name+peer] == 0 ||
			r.samples[wireguardPeers.Name+fmt.Sprintf("{interface=%q}", sides[0].device)] != 1 {
			return fmt.Errorf("%s %s %v", r.reason, r.err, r.samples)
		}
		return nil
	})
}

// A socket whose program has ended is no interface; one that hangs is told.
func TestWireguard_programsThatDoNotAnswer(t *testing.T) {
	dir := testenv.ShortDir(t)
	gone, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(dir, "gone.sock"))
	if err != nil {
		t.Fatal(err)
	}
	gone.(*net.UnixListener).SetUnlinkOnClose(false)
	gone.Close()
	none := answering(nil, nil)
	if r := run(t, newWireguard(WireGuard{}, none, dir), time.Second); r.reason != "" || len(r.samples) > 0 {
		t.Errorf("%s %s %v", r.reason, r.err, r.samples)
	}
	hangs, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(dir, "hangs.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer hangs.Close()
	r := run(t, newWireguard(wgNames, none, dir), time.Second)
	if r.reason == "" || r.took > 2*time.Second || len(r.samples) > 0 {
		t.Errorf("%s %s %v after %v", r.reason, r.err, r.samples, r.took)
	}
}

func TestParseProgram(t *testing.T) {
	key := hex.EncodeToString(wgKey(1))
	good := "private_key=00\nlisten_port=1\npublic_key=" + key + "\npreshared_key=00\nlast_handshake_time_sec=17\nlast_handshake_time_nsec=500000000\nrx_bytes=3\ntx_bytes=4\nallowed_ip=10.0.0.1/32\nerrno=0\n\n"
	peers, err := parseProgram(strings.NewReader(good))
	if want := []wireguardPeer{{key: [wireguardKey]byte(wgKey(1)), handshake: 17.5, received: 3, sent: 4}}; err != nil || !slices.Equal(peers, want) {
		t.Errorf("%v, %v", peers, err)
	}
	for text, word := range map[string]string{
		"":                           "cut off",
		"public_key=" + key + "\n":   "cut off",
		"errno=-5\n\n":               "error",
		"noise\n":                    "not understood",
		"public_key=zz\nerrno=0\n\n": "not understood",
		strings.Replace(good, "rx_bytes=3", "rx_bytes=x", 1): "rx_bytes is no number",
		strings.Repeat("a", maxProgramLine+1):                "token too long",
	} {
		if _, err := parseProgram(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

func FuzzWireguard(f *testing.F) {
	f.Add(wgDevice(wgPeer(1, 2, 3, 4)))
	f.Add([]byte("public_key=" + hex.EncodeToString(wgKey(1)) + "\nrx_bytes=3\nerrno=0\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		lists := wgLists()
		lists[wgFamily] = [][]byte{b}
		peers, err := kernelPeers(t.Context(), answering(nil, lists), wgFamily, "wg0")
		if err == nil && len(peers) > len(b) {
			t.Errorf("%d peers", len(peers))
		}
		if _, err := parseProgram(strings.NewReader(string(b))); errors.Is(err, unix.EPERM) {
			t.Error(err)
		}
	})
}

func TestWireGuard_validate(t *testing.T) {
	p := problem.New()
	WireGuard{Peers: map[string]string{"hunter2": "a", wgText(1): "", wgText(2): "b", wgText(3): "b"}, Expected: []string{"b", "b", "c"}}.validate(p)
	want := []problem.Problem{
		{Path: "peers", Text: "the name of the peer AQEBAQEB is empty or longer than 60 bytes; write who it is, as office"},
		{Path: "peers", Text: `two peers are called "b"; write names that tell them apart`},
		{Path: "peers", Text: "the key of \"a\" is none; write the peer's public key, 44 characters, as `wg show` has it"},
		{Path: "expected[1]", Text: `"b" is there twice; strike one`},
		{Path: "expected[2]", Text: `"c" is no name of a peer; write it below peers, with its public key`},
	}
	if diff := cmp.Diff(want, p.All()); diff != "" {
		t.Error(diff)
	}
}
