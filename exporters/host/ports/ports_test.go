package ports

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/problem"
	"tocsin/internal/testenv"
)

const (
	tcp  = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	tail = " 00000000:00000000 00:00000000 00000000     0        0 640 1 00000000cfb2928f 100 0 0 10 0\n"
)

// Lines as a kernel on a little-endian machine writes them, as most are.
func proc() map[string]string {
	return map[string]string{
		"net/tcp": tcp + "   0: 00000000:0016 00000000:0000 0A" + tail + "   1: 0100007F:1538 00000000:0000 0A" + tail +
			"   2: 0100000A:1F90 00000000:0000 0A" + tail + "   3: 0100000A:0016 0200000A:C001 01" + tail,
		"net/tcp6": tcp + "   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A" + tail +
			"   1: 00000000000000000000000001000000:1538 00000000000000000000000000000000:0000 0A" + tail +
			"   2: B80D01200000000000000000070A0000:0050 00000000000000000000000000000000:0000 0A" + tail +
			"   3: 0000000000000000FFFF00000100007F:0051 00000000000000000000000000000000:0000 0A" + tail,
		"net/udp": tcp + "   0: 00000000:0035 00000000:0000 07" + tail + "   1: 00000000:9C40 00000000:0000 07" + tail +
			"   2: 0100000A:0044 0200000A:0043 01" + tail + "   3: 0100000A:0000 00000000:0000 07" + tail,
		"sys/net/ipv4/ip_local_port_range": "32768\t60999\n",
	}
}

func TestPorts_countsAndNamesWhatTheSiteDoesNot(t *testing.T) {
	r := collectortest.Once(t, New(testenv.Tree(t, proc()), List{"22", "10.0.0.1:80"}))
	want := map[string]float64{
		"tocsin_host_listening_ports{any|tcp}": 1, "tocsin_host_listening_ports{public|tcp}": 1, "tocsin_host_listening_ports{private|tcp}": 1, "tocsin_host_listening_ports{loopback|tcp}": 2,
		"tocsin_host_listening_ports{any|udp}": 1, "tocsin_host_listening_ports{public|udp}": 0, "tocsin_host_listening_ports{private|udp}": 0, "tocsin_host_listening_ports{loopback|udp}": 0,
		"tocsin_host_listening_ports_unexpected":                  3,
		"tocsin_host_listening_port_unexpected{any|53|udp}":       1,
		"tocsin_host_listening_port_unexpected{public|80|tcp}":    1,
		"tocsin_host_listening_port_unexpected{private|8080|tcp}": 1,
	}
	if diff := cmp.Diff(want, r.Samples); diff != "" || r.Reason != "" {
		t.Errorf("%s %s\n%s", r.Reason, r.Err, diff)
	}
}

func TestPorts_withoutAListNothingIsUnexpected(t *testing.T) {
	r := collectortest.Once(t, New(testenv.Tree(t, proc()), nil))
	for name := range r.Samples {
		if strings.Contains(name, "unexpected") {
			t.Errorf("%s is there", name)
		}
	}
	if r := collectortest.Once(t, New(t.TempDir(), List{"22"})); r.Reason != "" || len(r.Samples) > 0 {
		t.Errorf("a machine without files: %s %v", r.Reason, r.Samples)
	}
}

func TestPorts_namesFiftyAndCountsAll(t *testing.T) {
	var b strings.Builder
	b.WriteString(tcp)
	for i := range 120 {
		fmt.Fprintf(&b, "%4d: 00000000:%04X 00000000:0000 0A%s", i, 1000+i, tail)
	}
	r := collectortest.Once(t, New(testenv.Tree(t, map[string]string{"net/tcp": b.String()}), List{"1000", "1005-1009"}))
	named := 0
	for name := range r.Samples {
		if strings.HasPrefix(name, "tocsin_host_listening_port_unexpected{") {
			named++
		}
	}
	if named != 50 || r.Samples["tocsin_host_listening_ports_unexpected"] != 114 || r.Reason != "" {
		t.Errorf("%d are named, %v counted, %s", named, r.Samples["tocsin_host_listening_ports_unexpected"], r.Err)
	}
}

// Of a busy server's connections only the first are read.
func TestPorts_leavesTheFileAfterTheListeners(t *testing.T) {
	others := strings.Repeat("   9: 0100000A:0016 0200000A:C001 01"+tail, 2*pastListeners) + "noise\n"
	r := collectortest.Once(t, New(testenv.Tree(t, map[string]string{"net/tcp": tcp + "   0: 00000000:0016 00000000:0000 0A" + tail + others}), List{"80"}))
	if r.Reason != "" || r.Samples["tocsin_host_listening_ports_unexpected"] != 1 {
		t.Errorf("%s %s %v", r.Reason, r.Err, r.Samples)
	}
}

// A line that is not understood costs the counts, which would be too small.
func TestPorts_damagedFiles(t *testing.T) {
	for name, line := range map[string]string{
		"cut":          "   1: 000000",
		"no port":      "   1: 00000000:XYZ 00000000:0000 0A\n",
		"long address": "   1: 0000000000:0016 00000000:0000 0A\n",
		"no address":   "   1: GGGGGGGG:0016 00000000:0000 0A\n",
		"long":         strings.Repeat("x", maxLine+1) + "\n",
	} {
		files := proc()
		files["net/udp"] += line
		r := collectortest.Once(t, New(testenv.Tree(t, files), List{"22"}))
		if r.Reason != frame.ReasonError || !strings.Contains(r.Err, "net/udp: ") || strings.Contains(r.Err, "GGGG") {
			t.Errorf("%s: %s %s", name, r.Reason, r.Err)
		}
		if _, ok := r.Samples["tocsin_host_listening_ports_unexpected"]; ok || r.Samples["tocsin_host_listening_port_unexpected{any|53|udp}"] != 1 {
			t.Errorf("%s: %v", name, r.Samples)
		}
	}
}

func TestPorts_realKernel(t *testing.T) {
	if _, err := os.Stat("/proc/net/tcp"); err != nil {
		testenv.Skip(t, "there is no /proc/net/tcp")
	}
	_, clients := clientPorts("/proc/sys/net/ipv4/ip_local_port_range")
	// One that others reach, one that only the machine does, one of UDP below the
	// clients' range, and one that is connected.
	outer := listen(t, "tcp", "0.0.0.0:0")
	inner := listen(t, "tcp", "127.0.0.1:0")
	six := listen(t, "tcp", "[::]:0")
	udp := ""
	for port := int(clients) + 1; udp == "" && port < 65535; port++ {
		if conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp4", "0.0.0.0:"+strconv.Itoa(port)); err == nil {
			t.Cleanup(func() { conn.Close() })
			udp = strconv.Itoa(port)
		}
	}
	dialled, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", "127.0.0.1:"+outer)
	if err != nil {
		t.Fatal(err)
	}
	defer dialled.Close()
	_, client, _ := net.SplitHostPort(dialled.LocalAddr().String())

	seen := map[string]bool{}
	for name, protocol := range map[string]string{"tcp": "tcp", "tcp6": "tcp", "udp": "udp"} {
		if err := readSockets("/proc/net/"+name, protocol, func(s socket) {
			seen[s.protocol+"/"+reach(s.address)+"/"+strconv.Itoa(int(s.port))] = true
		}); err != nil {
			t.Error(err)
		}
	}
	for place, want := range map[string]bool{
		"tcp/any/" + outer: true, "tcp/loopback/" + inner: true, "tcp/any/" + six: true, "udp/any/" + udp: true,
		"tcp/any/" + inner: false, "tcp/loopback/" + client: false,
	} {
		if seen[place] != want {
			t.Errorf("%s: seen %v, want %v", place, seen[place], want)
		}
	}
	r := collectortest.Once(t, New("/proc", List{"1-65535", "udp/1-65535"}))
	if r.Reason != "" || r.Samples["tocsin_host_listening_ports_unexpected"] != 0 || r.Samples["tocsin_host_listening_ports{any|tcp}"] < 2 {
		t.Errorf("%s %s %v", r.Reason, r.Err, r.Samples)
	}
}

func listen(t *testing.T, network, address string) (port string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

func TestPorts_conformance(t *testing.T) {
	root := testenv.Tree(t, proc())
	collectortest.Run(t, func(testing.TB) frame.Collector { return New(root, List{"22"}) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := New(root, nil).Collect(ctx, frame.NewSink(nil)); err == nil {
		t.Error("a run that was cut off succeeds")
	}
}

func TestList_validate(t *testing.T) {
	for text, want := range map[string]bool{
		"22": true, "tcp/443": true, "udp/53": true, "127.0.0.1:5432": true, "udp/10.0.0.1:53": true, "[::1]:22": true, "6000-6010": true, "[fd00::1]:1-9": true,
		"": false, "0": false, "70000": false, "ssh": false, "icmp/1": false, "::1:22": false, "[::1:22": false, "9-1": false, "1-": false, "10.0.0:1": false,
		"db1:5432": false, "fe80::1%eth0:1": false, "-1": false, "22/tcp": false, ":22": false,
	} {
		p := problem.New()
		List{text}.Validate(p)
		if ok := len(p.All()) == 0; ok != want {
			t.Errorf("%q: accepted %v, want %v: %v", text, ok, want, p.All())
		}
	}
	p := problem.New()
	List{"22", "x", "22"}.Validate(p)
	want := []problem.Problem{
		{Path: "[1]", Text: `"x" is no port; write one as 443, "udp/53", "6000-6010" or "10.0.0.1:5432"`},
		{Path: "[2]", Text: `"22" is there twice; strike one`},
	}
	if diff := cmp.Diff(want, p.All()); diff != "" {
		t.Error(diff)
	}
}

func FuzzScan(f *testing.F) {
	for name, content := range proc() {
		f.Add(content, strings.Contains(name, "udp"))
	}
	f.Fuzz(func(t *testing.T, content string, udp bool) {
		protocol := "tcp"
		if udp {
			protocol = "udp"
		}
		err := scan(strings.NewReader(content), "file", protocol, func(s socket) {
			if !s.address.IsValid() || s.port == 0 || s.address.Is4In6() {
				t.Errorf("a socket that cannot be: %v", s)
			}
		})
		if err != nil && !strings.HasPrefix(err.Error(), "file: ") {
			t.Error(err)
		}
	})
}
