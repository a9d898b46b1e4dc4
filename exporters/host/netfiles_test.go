//go:build linux

package host

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/frame"
)

// What one file of the network under /proc or /sys comes to: whole, in part,
// not at all.
func TestNetwork_filesInPart(t *testing.T) {
	const (
		arpHead  = "IP address       HW type     Flags       HW address            Mask     Device\n"
		udpHead  = "   sl  local_address rem_address   st tx_queue rx_queue tr\n"
		ipvsHead = "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n"
		ipvsSum  = "Total\nConns\n 1 2 3 4 5\n"
		nineteen = "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"
	)
	fibre, port := "sys/class/fc_host/host1/", "sys/class/infiniband/mlx5_0/ports/1/"
	nfsMount := "device s:/a mounted on /a with fstype nfs4 statvers=1.1\nage: 7\nbytes: 1 2 3 4 5 6 7 8\n"
	server := func(service, name, value string) string {
		address, port, _ := strings.Cut(service, ":")
		protocol, address, _ := strings.Cut(address, " ")
		return `node_ipvs_backend_` + name + `{local_address="` + address + `",local_mark="",local_port="` + port + `",proto="` + protocol + `",remote_address="192.0.2.3",remote_port="` + value + `"}`
	}
	for _, tc := range []struct {
		name, collector string
		files           map[string]string
		want            map[string]float64
		reason          frame.Reason
		words           []string
	}{
		{
			"a bad line costs itself; what is answered for others is no neighbour", "arp",
			map[string]string{"proc/net/arp": arpHead + "192.0.2.1 0x1 0x2 02:00:5e:00:53:01 * eth0\n192.0.2.2 0x1 0xc 00:00:00:00:00:00 * eth0\n192.0.2.3 0x1 0x2 02"},
			map[string]float64{`node_arp_entries{device="eth0"}`: 1},
			frame.ReasonError,
			[]string{"net/arp", "192.0.2.3"},
		},
		{
			"a link that is not known costs the number of links that are up", "bonding",
			map[string]string{
				"sys/class/net/bonding_masters": "bond0 bond1 bond2\n", "sys/class/net/bond0/bonding/slaves": "eth0 eth1\n",
				"sys/class/net/bond0/lower_eth0/bonding_slave/mii_status": "up\n",
				"sys/class/net/bond1/bonding/slaves":                      "eth2\n", "sys/class/net/bond1/slave_eth2/bonding_slave/mii_status": "up\n",
			},
			map[string]float64{
				`node_bonding_slaves{master="bond0"}`: 2, `node_bonding_active{master="bond0"}`: -1, `node_bonding_slaves{master="bond2"}`: -1,
				`node_bonding_slaves{master="bond1"}`: 1, `node_bonding_active{master="bond1"}`: 1,
			},
			anyReason,
			[]string{"slave_eth1"},
		},
		{
			"columns go by their headings; a bad line costs the sums", "conntrack",
			map[string]string{
				"proc/sys/net/netfilter/nf_conntrack_count": "5\n", "proc/sys/net/netfilter/nf_conntrack_max": "many\n",
				"proc/net/stat/nf_conntrack": "drop found\n1 a\n2 x\n",
			},
			map[string]float64{"node_nf_conntrack_entries": 5, "node_nf_conntrack_entries_limit": -1, "node_nf_conntrack_stat_found": -1},
			frame.ReasonError,
			[]string{"nf_conntrack_max", `"many\n"`, `"2 x\n"`},
		},
		{
			"a column that the kernel lacks is no zero", "conntrack",
			map[string]string{
				"proc/sys/net/netfilter/nf_conntrack_count": "5\n", "proc/sys/net/netfilter/nf_conntrack_max": "9\n",
				"proc/net/stat/nf_conntrack": "drop found\n1 a\n2 b\n",
			},
			map[string]float64{"node_nf_conntrack_entries_limit": 9, "node_nf_conntrack_stat_found": 21, "node_nf_conntrack_stat_search_restart": -1},
			"", nil,
		},
		{
			"what is not counted is absent", "fibrechannel",
			map[string]string{
				fibre + "speed": "8 Gbit\n", fibre + "port_name": "0x10\n", fibre + "statistics/rx_frames": "0x1f\n",
				fibre + "statistics/tx_frames": "0xffffffffffffffff\n", fibre + "statistics/nos_count": "none\n",
			},
			map[string]float64{
				`node_fibrechannel_rx_frames_total{fc_host="host1"}`: 31, `node_fibrechannel_tx_frames_total{fc_host="host1"}`: -1,
				`node_fibrechannel_dumped_frames_total{fc_host="host1"}`: -1,
				`node_fibrechannel_info{dev_loss_tmo="",fabric_name="",fc_host="host1",port_id="",port_name="10",port_state="",port_type="",speed="8 Gbit",supported_classes="",supported_speeds="",symbolic_name=""}`: 1,
			},
			frame.ReasonError,
			[]string{"nos_count", `"none"`},
		},
		{
			"a bad file costs itself", "infiniband",
			map[string]string{
				port + "state": "ACTIVE\n", port + "phys_state": "5: LinkUp\n", port + "rate": "fast\n", port + "counters/port_rcv_data": "10\n",
				port + "counters/symbol_error": "N/A (no PMA)\n", port + "counters/link_downed": "-1\n",
				"sys/class/infiniband/mlx5_0/ports/one/state": "4: ACTIVE\n",
			},
			map[string]float64{
				`node_infiniband_state_id{device="mlx5_0",port="1"}`: -1, `node_infiniband_physical_state_id{device="mlx5_0",port="1"}`: 5,
				`node_infiniband_port_data_received_bytes_total{device="mlx5_0",port="1"}`: 40, `node_infiniband_symbol_error_total{device="mlx5_0",port="1"}`: -1,
				`node_infiniband_info{board_id="",device="mlx5_0",firmware_version="",hca_type=""}`: 1,
			},
			anyReason,
			[]string{`"ACTIVE"`, `"fast"`, "link_downed", `"one"`},
		},
		{
			"servers of a service that is not understood are not another's", "ipvs",
			map[string]string{"proc/net/ip_vs_stats": ipvsSum, "proc/net/ip_vs": ipvsHead +
				"SCTP C0000201:0050 wlc\n  -> C0000203:0051 Route 1 2 3\n  -> C0000203:0051 Route 1 2 3\nTCP ?:0 wlc\n  -> C0000203:0052 Route 4 5 6\nTCP\nUDP C0000202:0035 rr\n  -> C0000203:0053 Masq 7\n"},
			map[string]float64{
				"node_ipvs_connections_total": 1, "node_ipvs_outgoing_bytes_total": 5, server("SCTP 192.0.2.1:80", "weight", "81"): 1,
				server("SCTP 192.0.2.1:80", "weight", "82"): -1, server("UDP 192.0.2.2:53", "weight", "83"): -1,
			},
			frame.ReasonError,
			[]string{"C0000203:0051", "?:0", "C0000203:0052", `"TCP\n"`, "C0000203:0053"},
		},
		{
			"totals cut short cost themselves", "ipvs",
			map[string]string{"proc/net/ip_vs_stats": "Total\nConns\n 1 2 3\n", "proc/net/ip_vs": ipvsHead + "UDP C0000202:0035 rr\n  -> C0000203:0053 Masq 7 8 9\n"},
			map[string]float64{"node_ipvs_connections_total": -1, server("UDP 192.0.2.2:53", "connections_inactive", "83"): 9},
			frame.ReasonError,
			[]string{"ip_vs_stats"},
		},
		{
			"names without their values cost themselves", "netstat",
			map[string]string{
				"proc/net/netstat": "TcpExt: ListenDrops ListenOverflows\nTcpExt: 1\nIpExt: InOctets\nIpExt: 5\nIpExt: InOctets\nIpExt: 6\n",
				"proc/net/snmp":    "Tcp: MaxConn ActiveOpens CurrEstab\nTcp: -1 x 7\nUdp: InErrors\n",
				"proc/net/snmp6":   "Udp6InErrors 3\nUdp6InDatagrams\nplain 4\n",
			},
			map[string]float64{
				"node_netstat_TcpExt_ListenDrops": -1, "node_netstat_IpExt_InOctets": 5, "node_netstat_Tcp_ActiveOpens": -1, "node_netstat_Tcp_CurrEstab": 7,
				"node_netstat_Udp_InErrors": -1, "node_netstat_Udp6_InErrors": 3,
			},
			frame.ReasonError,
			[]string{`"TcpExt: 1\n"`, `"Tcp: -1 x 7\n"`, `"Udp: InErrors"`, "Udp6InDatagrams"},
		},
		{
			"without IPv6", "netstat",
			map[string]string{"proc/net/netstat": "IpExt: InOctets\nIpExt: 5\n", "proc/net/snmp": "Tcp: InErrs\nTcp: 1\n"},
			map[string]float64{"node_netstat_Tcp_InErrs": 1},
			"", nil,
		},
		{
			"an older kernel has fewer procedures, a newer one other lines", "nfs",
			map[string]string{"proc/net/rpc/nfs": "net 1 2 3 4\nrpc 1 2\nproc3 3 1 2 3\nproc4 2 8 9\nproc5 1 1\n"},
			map[string]float64{
				`node_nfs_packets_total{protocol="tcp"}`: 3, "node_nfs_rpcs_total": -1, `node_nfs_requests_total{method="Null",proto="3"}`: -1,
				`node_nfs_requests_total{method="Read",proto="4"}`: 9, `node_nfs_requests_total{method="Write",proto="4"}`: -1, `node_nfs_requests_total{method="Null",proto="2"}`: -1,
			},
			frame.ReasonError,
			[]string{`"rpc 1 2\n"`, `"proc3 3 1 2 3\n"`},
		},
		{
			"a line twice, or of another length than it says", "nfsd",
			map[string]string{"proc/net/rpc/nfsd": "th 8 0 0.000 0.000\nth 9\nio 1 2\nproc2 18 " + nineteen + "\nwdeleg_getattr 5\n"},
			map[string]float64{
				"node_nfsd_server_threads": 8, "node_nfsd_disk_bytes_written_total": 2, `node_nfsd_requests_total{method="WdelegGetattr",proto="4"}`: 5,
				`node_nfsd_requests_total{method="GetAttr",proto="2"}`: -1, "node_nfsd_reply_cache_hits_total": -1,
			},
			frame.ReasonError,
			[]string{`"th 9\n"`, `"proc2 18 `},
		},
		{
			"a bad number costs what follows it", "sockstat",
			map[string]string{"proc/net/sockstat": "sockets: used 9\nTCP: inuse 1 orphan x tw 3\nUDP: inuse 2 mem\nNEW: inuse 1\nsockets: used 8\n"},
			map[string]float64{"node_sockstat_sockets_used": 9, "node_sockstat_TCP_inuse": 1, "node_sockstat_TCP_tw": -1, "node_sockstat_UDP_inuse": 2, "node_sockstat_UDP_mem": -1},
			frame.ReasonError,
			[]string{"TCP: inuse 1 orphan x", "UDP: inuse 2 mem"},
		},
		{
			"an older kernel has fewer columns", "softnet",
			map[string]string{"proc/net/softnet_stat": "1 2 3 0 0 0 0 0 4\na 0 0 0 0 0 0 0 5 6 7\n1 2\n1 2 3 0 0 0 0 0 4 0 0 0 0\n"},
			map[string]float64{
				`node_softnet_processed_total{cpu="0"}`: 1, `node_softnet_received_rps_total{cpu="0"}`: -1, `node_softnet_processed_total{cpu="1"}`: 10,
				`node_softnet_flow_limit_count_total{cpu="1"}`: 7, `node_softnet_backlog_len{cpu="1"}`: -1, `node_softnet_processed_total{cpu="2"}`: -1,
			},
			frame.ReasonError,
			[]string{`"1 2\n"`, `"1 2 3 0 0 0 0 0 4 0 0 0 0\n"`},
		},
		{
			"a bad line costs the sums of its file", "udp_queues",
			map[string]string{"proc/net/udp": udpHead + " 1: 0:0 0:0 07 0000000A:0000000B 00\n 2: 0:0 0:0 07 0000000A\n", "proc/net/udp6": udpHead + " 1: 0:0 0:0 07 0000000A:0000000B 00\n"},
			map[string]float64{`node_udp_queues{ip="v4",queue="tx"}`: -1, `node_udp_queues{ip="v6",queue="tx"}`: 10, `node_udp_queues{ip="v6",queue="rx"}`: 11},
			frame.ReasonError,
			[]string{"net/udp: malformed line"},
		},
		{
			"a heading twice, a line cut short", "lnstat",
			map[string]string{"proc/net/stat/a": "hits hits\n1 2\n", "proc/net/stat/b": "hits misses\n0a 0b\n1\n2 3 4\n"},
			map[string]float64{
				`node_lnstat_hits_total{cpu="0",subsystem="a"}`: -1, `node_lnstat_hits_total{cpu="0",subsystem="b"}`: 10, `node_lnstat_misses_total{cpu="0",subsystem="b"}`: 11,
				`node_lnstat_misses_total{cpu="1",subsystem="b"}`: -1,
			},
			frame.ReasonError,
			[]string{`"hits hits"`, `"1\n"`, `"2 3 4\n"`},
		},
		{
			"by UDP; a bad line costs itself", "mountstats",
			map[string]string{
				"proc/self/mountinfo": "1 0 0:5 / /a rw - nfs4 s:/a rw,addr=192.0.2.1\n",
				"proc/self/mountstats": nfsMount + "events: 1 2\nxprt: udp 700 1 9 8 0 0 5 6 7 8\nxprt: smoke 1\nper-op statistics\nNULL: 1 2\nREAD: 1 2 3 4 5 6000 7000 8000 1\nREAD: 1 2 3 4 5 6 7 8\n" +
					"\n" + strings.Replace(nfsMount, "on /a", "on /b", 1) + "xprt: udp 700 1 9 8 0 0 5 6 7 8\n",
			},
			map[string]float64{
				`node_mountstats_nfs_age_seconds_total{export="s:/a",mountaddr="192.0.2.1",protocol="udp"}`:                                    7,
				`node_mountstats_nfs_transport_sends_total{export="s:/a",mountaddr="192.0.2.1",protocol="udp",transport="0"}`:                  9,
				`node_mountstats_nfs_transport_pending_queue_total{export="s:/a",mountaddr="192.0.2.1",protocol="udp",transport="0"}`:          8,
				`node_mountstats_nfs_transport_connect_total{export="s:/a",mountaddr="192.0.2.1",protocol="udp",transport="0"}`:                -1,
				`node_mountstats_nfs_event_vfs_open_total{export="s:/a",mountaddr="192.0.2.1",protocol="udp"}`:                                 -1,
				`node_mountstats_nfs_operations_queue_time_seconds_total{export="s:/a",mountaddr="192.0.2.1",operation="READ",protocol="udp"}`: 6,
				`node_mountstats_nfs_mountpoint_info{export="s:/a",mountaddr="",mountpoint="/b",protocol="udp"}`:                               1,
			},
			frame.ReasonError,
			[]string{`"events: 1 2\n"`, "smoke", `"NULL: 1 2\n"`, "READ: 1 2 3 4 5 6 7 8"},
		},
	} {
		t.Run(tc.collector+"/"+tc.name, func(t *testing.T) {
			r := run(t, find(t, machineIn(write(t, tc.files), fakeKernel()), tc.collector), time.Second)
			wantSamples(t, r, tc.want)
			wantFailure(t, r, tc.reason, tc.words...)
		})
	}
}

// The kernel's names may change for ever; what is remembered of them is
// bounded, and nothing is lost.
func TestNetstat_remembersABoundedNumber(t *testing.T) {
	root := write(t, map[string]string{"proc/net/netstat": "", "proc/net/snmp": ""})
	c := newNetstat(newRoots(Config{Proc: root + "/proc"}), newFilter(Filter{Include: "_N"}, discard()))
	for i := range 3 {
		var names, values strings.Builder
		for j := range maxNetstat / 2 {
			names.WriteString(" N" + strings.Repeat("x", i) + strconv.Itoa(j))
			values.WriteString(" " + strconv.Itoa(j))
		}
		if err := os.WriteFile(root+"/proc/net/snmp", []byte("Tcp:"+names.String()+"\nTcp:"+values.String()+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := run(t, c, time.Second); len(r.samples) != maxNetstat/2 {
			t.Errorf("%d samples: %s", len(r.samples), r.err)
		}
		if len(c.names) > maxNetstat {
			t.Errorf("%d names are remembered", len(c.names))
		}
	}
}

// A name that stands in a file twice is sent once, however many names come
// between the two.
func TestNetstat_sendsANameOnceThoughTheMemoryIsFull(t *testing.T) {
	var names strings.Builder
	for i := range maxNetstat {
		names.WriteString(" N" + strconv.Itoa(i))
	}
	line := "Tcp: N0" + names.String() + " N0\nTcp: 1" + strings.Repeat(" 1", maxNetstat) + " 1\n"
	root := write(t, map[string]string{"proc/net/netstat": line, "proc/net/snmp": "Tcp: N0\nTcp: 1\n"})
	c := newNetstat(newRoots(Config{Proc: root + "/proc"}), newFilter(Filter{Include: "_N"}, discard()))
	for range 2 {
		if r := run(t, c, time.Second); r.reason != "" || len(r.samples) != maxNetstat {
			t.Errorf("%d samples: %s %s", len(r.samples), r.reason, r.err)
		}
	}
}

func TestHexadecimal(t *testing.T) {
	for text, want := range map[string]uint64{"0": 0, "0x1F": 31, "ffffffffffffffff": 1<<64 - 1, "0000b092": 45202} {
		if got, ok := hexadecimal([]byte(text)); !ok || got != want {
			t.Errorf("%s is %d, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "0x", "g", "-1", "1 ", "10000000000000000"} {
		if got, ok := hexadecimal([]byte(text)); ok {
			t.Errorf("%q is %d", text, got)
		}
	}
}

// fuzzFiles gives these files of a collector any content, and wants neither a
// panic nor a page that is invalid.
func fuzzFiles(f *testing.F, collector string, files ...string) {
	f.Helper()
	root := f.TempDir()
	for _, file := range files {
		if seed, err := os.ReadFile(filepath.Join("testdata/server", file)); err == nil {
			f.Add(seed)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o755); err != nil {
			f.Fatal(err)
		}
	}
	c := find(f, machineIn(root, fakeKernel()), collector)
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, file := range files {
			if err := os.WriteFile(filepath.Join(root, file), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if r := run(t, c, 10*time.Second); r.reason == frame.ReasonInvalid || r.reason == frame.ReasonPanic {
			t.Errorf("%s: %s", r.reason, r.err)
		}
	})
}

func FuzzARP(f *testing.F) { fuzzFiles(f, "arp", "proc/net/arp") }
func FuzzConntrack(f *testing.F) {
	f.Add([]byte("insert insert \n0 00"))
	fuzzFiles(f, "conntrack", "proc/net/stat/nf_conntrack", "proc/sys/net/netfilter/nf_conntrack_count")
}
func FuzzIPVS(f *testing.F) { fuzzFiles(f, "ipvs", "proc/net/ip_vs", "proc/net/ip_vs_stats") }
func FuzzNetstat(f *testing.F) {
	fuzzFiles(f, "netstat", "proc/net/netstat", "proc/net/snmp", "proc/net/snmp6")
}
func FuzzNFS(f *testing.F)       { fuzzFiles(f, "nfs", "proc/net/rpc/nfs") }
func FuzzNFSd(f *testing.F)      { fuzzFiles(f, "nfsd", "proc/net/rpc/nfsd") }
func FuzzSockstat(f *testing.F)  { fuzzFiles(f, "sockstat", "proc/net/sockstat", "proc/net/sockstat6") }
func FuzzSoftnet(f *testing.F)   { fuzzFiles(f, "softnet", "proc/net/softnet_stat") }
func FuzzUDPQueues(f *testing.F) { fuzzFiles(f, "udp_queues", "proc/net/udp", "proc/net/udp6") }
func FuzzLnstat(f *testing.F)    { fuzzFiles(f, "lnstat", "proc/net/stat/nf_conntrack") }
func FuzzMountstats(f *testing.F) {
	fuzzFiles(f, "mountstats", "proc/self/mountstats", "proc/self/mountinfo")
}

func FuzzInfinibandPort(f *testing.F) {
	const port = "sys/class/infiniband/mlx5_0/ports/1/"
	fuzzFiles(f, "infiniband", port+"state", port+"rate", port+"counters/link_downed")
}

func FuzzEthtoolName(f *testing.F) {
	f.Add("rx_bytes")
	f.Add("port.tx")
	f.Fuzz(func(t *testing.T, name string) {
		if full := "node_ethtool_" + ethtoolName(ethtoolWord(name)); !model.LegacyValidation.IsValidMetricName(full) {
			t.Errorf("%q makes %q", name, full)
		}
	})
}
