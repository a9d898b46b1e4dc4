//go:build linux

package host

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/frame"
)

// A difference is a series that is not what node_exporter makes of it, on
// purpose. -1 stands for absent.
type difference struct {
	ours, theirs float64
	reason       string
}

// differences lists them all, by examples on the machine of differentFiles.
var differences = map[string]difference{
	`node_infiniband_lifespan_seconds{device="mlx5_0",port="1"}`: {
		0.01, 0, "theirs is cut to whole seconds, and so always 0: adapters keep counters for some 10 ms",
	},
	`node_softnet_received_rps_total{cpu="0"}`: {-1, 0, "a kernel that does not count a thing has not counted 0 of it"},
	`node_nf_conntrack_stat_search_restart`:    {-1, 0, "a kernel that does not count a thing has not counted 0 of it"},
	`node_nfs_requests_total{method="Clone",proto="4"}`: {
		-1, 0, "older kernels have no such procedure",
	},
	`node_nfs_requests_total{method="Null",proto="2"}`:           {-1, 0, "this kernel does not speak NFS 2"},
	`node_nfsd_requests_total{method="WdelegGetattr",proto="4"}`: {-1, 0, "older kernels have no such line"},
	`node_mountstats_nfs_transport_connect_total{export="s:/a",mountaddr="192.0.2.1",protocol="udp",transport="0"}`: {
		-1, 0, "there are no connections over UDP",
	},
	`node_ipvs_backend_weight{local_address="192.0.2.2",local_mark="",local_port="81",proto="SCTP",remote_address="192.0.2.9",remote_port="81"}`: {
		7, -1, "they know TCP and UDP alone, and say of other servers that they are those of the service before",
	},
	`node_ipvs_backend_weight{local_address="192.0.2.1",local_mark="",local_port="80",proto="TCP",remote_address="192.0.2.9",remote_port="81"}`: {
		-1, 7, "no such server of TCP: it belongs to the service of SCTP above",
	},
}

// differentFiles are an old machine on which the differences are seen.
var differentFiles = map[string]string{
	"sys/class/infiniband/mlx5_0/fw_ver":                       "16.35.2000\n",
	"sys/class/infiniband/mlx5_0/ports/1/link_layer":           "InfiniBand\n",
	"sys/class/infiniband/mlx5_0/ports/1/state":                "4: ACTIVE\n",
	"sys/class/infiniband/mlx5_0/ports/1/phys_state":           "5: LinkUp\n",
	"sys/class/infiniband/mlx5_0/ports/1/rate":                 "100 Gb/sec (4X EDR)\n",
	"sys/class/infiniband/mlx5_0/ports/1/hw_counters/lifespan": "10\n",

	"proc/net/softnet_stat":                     "1 2 3 0 0 0 0 0 4\n",
	"proc/sys/net/netfilter/nf_conntrack_count": "5\n",
	"proc/sys/net/netfilter/nf_conntrack_max":   "9\n",
	"proc/net/stat/nf_conntrack": "entries searched found new invalid ignore delete delete_list insert insert_failed drop early_drop " +
		"icmp_error expect_new expect_create expect_delete\n1 2 3 4 5 6 7 8 9 a b c d e f 10\n",
	"proc/net/rpc/nfs":     "net 1 2 3 4\nrpc 1 2 3\nproc4 3 5 6 7\n",
	"proc/net/rpc/nfsd":    "rc 1 2 3\nth 8 0\n",
	"proc/net/ip_vs_stats": "Total\nConns\n 1 2 3 4 5\n\n",
	"proc/net/ip_vs": "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n" +
		"TCP C0000201:0050 wlc\nSCTP C0000202:0051 wlc\n  -> C0000209:0051 Route 7 0 0\n",
	"proc/4242/mountinfo":  "1 0 0:5 / /a rw - nfs s:/a rw,addr=192.0.2.1\n",
	"proc/4242/mountstats": "device s:/a mounted on /a with fstype nfs statvers=1.1\nage: 7\nxprt: udp 700 1 9 8 0 0 5 6 7 8\nper-op statistics\n",
}

// Each difference is one indeed: when node_exporter mends a thing, it leaves
// the list.
func TestHost_differencesFromNodeExporter(t *testing.T) {
	root := write(t, differentFiles)
	if err := os.Symlink("4242", filepath.Join(root, "proc/self")); err != nil {
		t.Fatal(err)
	}
	all := slices.DeleteFunc(machineIn(root, fakeKernel()), func(c frame.Collector) bool {
		return !slices.Contains([]string{"conntrack", "infiniband", "ipvs", "mountstats", "nfs", "nfsd", "softnet"}, c.Name())
	})
	_, url := startNodeExporter(t, all, "--path.procfs="+root+"/proc", "--path.sysfs="+root+"/sys")
	page, err := fetch(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := map[string]float64{}, flatten(slices.Collect(maps.Values(page)))
	for _, c := range all {
		maps.Copy(ours, run(t, c, 10*time.Second).samples)
	}
	for series, d := range differences {
		for whose, is := range map[string]struct {
			samples map[string]float64
			want    float64
		}{"ours": {ours, d.ours}, "theirs": {theirs, d.theirs}} {
			got, ok := is.samples[series]
			if !ok {
				got = -1
			}
			if got != is.want {
				t.Errorf("%s of %s is %v, want %v", whose, series, got, is.want)
			}
		}
		if strings.TrimSpace(d.reason) == "" {
			t.Errorf("%s: no reason", series)
		}
	}
}
