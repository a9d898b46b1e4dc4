package platform

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/testenv"
)

const (
	intel  = "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu vme ht syscall\nbugs\t\t: spectre_v1\n"
	guest  = "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu vme hypervisor lahf_lm\nbugs\t\t:\n"
	arm    = "processor\t: 0\nFeatures\t: fp asimd\n"
	clocks = "sys/devices/system/clocksource/clocksource0/available_clocksource"
	dmi    = "sys/class/dmi/id/"
)

func TestVirtualisation(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"nothing can be read":  {nil, "unknown"},
		"a real machine":       {map[string]string{"proc/cpuinfo": intel, dmi + "sys_vendor": "Dell Inc.\n", clocks: "tsc hpet acpi_pm\n"}, "none"},
		"real, no firmware":    {map[string]string{"proc/cpuinfo": intel}, "none"},
		"KVM under QEMU":       {map[string]string{"proc/cpuinfo": guest, dmi + "sys_vendor": "QEMU\n", clocks: "kvm-clock tsc\n"}, "kvm"},
		"QEMU alone":           {map[string]string{"proc/cpuinfo": guest, dmi + "sys_vendor": "QEMU\n", clocks: "tsc hpet\n"}, "qemu"},
		"QEMU without a flag":  {map[string]string{"proc/cpuinfo": intel, dmi + "sys_vendor": "QEMU\n"}, "qemu"},
		"Firecracker":          {map[string]string{"proc/cpuinfo": guest, clocks: "tsc kvm-clock \n"}, "kvm"},
		"VMware":               {map[string]string{"proc/cpuinfo": guest, dmi + "product_name": "VMware7,1\n", dmi + "sys_vendor": "VMware, Inc.\n"}, "vmware"},
		"Hyper-V":              {map[string]string{"proc/cpuinfo": guest, dmi + "sys_vendor": "Microsoft Corporation\n", clocks: "hyperv_clocksource_tsc_page acpi_pm\n"}, "microsoft"},
		"VirtualBox":           {map[string]string{"proc/cpuinfo": guest, dmi + "product_name": "VirtualBox\n", dmi + "sys_vendor": "innotek GmbH\n"}, "oracle"},
		"Xen, a guest":         {map[string]string{"proc/cpuinfo": guest, "sys/hypervisor/type": "xen\n"}, "xen"},
		"Xen, its own domain":  {map[string]string{"proc/cpuinfo": guest, "sys/hypervisor/type": "xen\n", "proc/xen/capabilities": "control_d\n"}, "none"},
		"Amazon, a guest":      {map[string]string{"proc/cpuinfo": guest, dmi + "sys_vendor": "Amazon EC2\n", clocks: "kvm-clock tsc\n"}, "amazon"},
		"Amazon, real":         {map[string]string{"proc/cpuinfo": intel, dmi + "sys_vendor": "Amazon EC2\n"}, "none"},
		"ARM under KVM":        {map[string]string{"proc/cpuinfo": arm, dmi + "sys_vendor": "QEMU\n"}, "qemu"},
		"ARM by device tree":   {map[string]string{"proc/cpuinfo": arm, "proc/device-tree/hypervisor/compatible": "linux,kvm\x00"}, "kvm"},
		"ARM, some other":      {map[string]string{"proc/cpuinfo": arm, "proc/device-tree/hypervisor/compatible": "acme,hv\x00"}, "vm-other"},
		"ARM, a real machine":  {map[string]string{"proc/cpuinfo": arm, dmi + "sys_vendor": "Ampere\n"}, "none"},
		"ARM, nothing to tell": {map[string]string{"proc/cpuinfo": arm}, "unknown"},
		"an unknown one":       {map[string]string{"proc/cpuinfo": guest, dmi + "sys_vendor": "ACME\n"}, "vm-other"},
		"noise":                {map[string]string{"proc/cpuinfo": "\x00\xff:\n:\n", dmi + "sys_vendor": "\xff"}, "none"},
	} {
		root := testenv.Tree(t, test.files)
		if got := virtualisation(filepath.Join(root, "proc"), filepath.Join(root, "sys")); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestContainer(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"none":             {map[string]string{"proc/sys/kernel/osrelease": "6.1.0-40-amd64\n", "proc/1/environ": "HOME=/\x00TERM=linux\x00"}, "none"},
		"by systemd":       {map[string]string{"run/systemd/container": "lxc\n"}, "lxc"},
		"by environment":   {map[string]string{"proc/1/environ": "PATH=/\x00container=systemd-nspawn\x00"}, "systemd-nspawn"},
		"Docker":           {map[string]string{".dockerenv": ""}, "docker"},
		"Podman":           {map[string]string{"run/.containerenv": "engine=podman\n"}, "podman"},
		"Kubernetes":       {map[string]string{"run/secrets/kubernetes.io/x": ""}, "container-other"},
		"OpenVZ":           {map[string]string{"proc/vz/x": ""}, "openvz"},
		"OpenVZ, the host": {map[string]string{"proc/vz/x": "", "proc/bc/x": ""}, "none"},
		"WSL":              {map[string]string{"proc/sys/kernel/osrelease": "5.15.90.1-microsoft-standard-WSL2\n"}, "wsl"},
		"a new one":        {map[string]string{"run/systemd/container": "brand\xffnew\n"}, "container-other"},
		"an empty one":     {map[string]string{"run/systemd/container": "\n", "proc/1/environ": "container=\x00"}, "none"},
	} {
		root := testenv.Tree(t, test.files)
		if got := container(filepath.Join(root, "proc"), root); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// This machine is what systemd takes it for.
func TestPlatform_agreesWithSystemd(t *testing.T) {
	detect := testenv.Program(t, "systemd-detect-virt", "systemd")
	ask := func(what string) string {
		out, err := exec.CommandContext(t.Context(), detect, what).Output()
		if err != nil && len(out) == 0 { // it ends with 1 for none
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	if got, want := virtualisation("/proc", "/sys"), ask("--vm"); got != want {
		t.Errorf("the hypervisor is %s, systemd says %s", got, want)
	}
	if got, want := container("/proc", "/"), ask("--container"); got != want {
		t.Errorf("the container is %s, systemd says %s", got, want)
	}
}

func TestMeasuresItself(t *testing.T) {
	docker := map[string]string{".dockerenv": "", "proc/self/ns/pid": "-> pid:[4026532201]", "host/x": ""}
	sharing := maps.Clone(docker)
	sharing["proc/self/ns/pid"] = "-> " + hostNamespace
	for name, test := range map[string]struct {
		files                  map[string]string
		ownProc, ownRoot       bool
		wantProc, wantRoot, ok bool
	}{
		"no container":                {map[string]string{"proc/self/ns/pid": "-> pid:[4026532201]"}, true, true, false, false, false},
		"LXC is meant":                {map[string]string{"run/systemd/container": "lxc", "proc/self/ns/pid": "-> pid:[4026532201]"}, true, true, false, false, false},
		"Docker, nothing mounted":     {docker, true, true, true, true, true},
		"Docker, all mounted":         {docker, false, false, false, false, true},
		"Docker, the root is missing": {docker, false, true, false, true, true},
		"Docker, the host's PIDs":     {sharing, true, false, false, false, true},
		"Docker, no namespace":        {map[string]string{".dockerenv": ""}, true, true, false, false, false},
	} {
		own := testenv.Tree(t, test.files)
		r := Roots{Proc: filepath.Join(own, "host/proc"), Sys: own, Root: filepath.Join(own, "host"), Own: own}
		if test.ownProc {
			r.Proc = filepath.Join(own, "proc")
		}
		if test.ownRoot {
			r.Root = own + "/"
		}
		if proc, root, ok := r.measuresItself(); proc != test.wantProc || root != test.wantRoot || ok != test.ok {
			t.Errorf("%s: %v %v %v", name, proc, root, ok)
		}
	}
}

func TestLimits(t *testing.T) {
	const unset = -1 // NaN
	for name, test := range map[string]struct {
		files map[string]string
		want  [6]float64
	}{
		"nothing": {nil, [6]float64{unset, unset, unset, unset, unset, unset}},
		"version 2, in a container": {map[string]string{
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "268435456\n", "sys/fs/cgroup/memory.current": "200000000\n",
			"sys/fs/cgroup/memory.stat": "anon 1\nfile 2\ninactive_file 50000000\n", "sys/fs/cgroup/cpu.max": "150000 100000\n",
			"sys/fs/cgroup/cpu.stat": "usage_usec 9\nnr_periods 40\nnr_throttled 10\nthrottled_usec 2500000\n",
		}, [6]float64{268435456, 150000000, 1.5, 2.5, 40, 10}},
		"version 2, the tightest of the groups above": {map[string]string{
			"proc/self/cgroup": "0::/system.slice/tocsin.service\n", "sys/fs/cgroup/system.slice/tocsin.service/memory.max": "max\n",
			"sys/fs/cgroup/system.slice/memory.max": "1000\n", "sys/fs/cgroup/system.slice/memory.current": "900\n",
			"sys/fs/cgroup/memory.max": "2000\n", "sys/fs/cgroup/system.slice/tocsin.service/cpu.max": "max 100000\n",
		}, [6]float64{1000, 900, unset, unset, unset, unset}},
		"version 1, the container's part is mounted": {map[string]string{
			"proc/self/cgroup":                           "11:memory:/docker/0123\n4:cpu,cpuacct:/docker/0123\n1:name=systemd:/docker/0123\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "536870912\n",
			"sys/fs/cgroup/memory/memory.usage_in_bytes": "300\n",
			"sys/fs/cgroup/memory/memory.stat":           "inactive_file 1\ntotal_inactive_file 100\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us":         "50000\n",
			"sys/fs/cgroup/cpu/cpu.cfs_period_us":        "100000\n",
			"sys/fs/cgroup/cpu/cpu.stat":                 "nr_periods 7\nnr_throttled 3\nthrottled_time 1500000000\n",
		}, [6]float64{536870912, 200, 0.5, 1.5, 7, 3}},
		"version 1, without limits": {map[string]string{
			"proc/self/cgroup":                           "11:memory:/\n4:cpu:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us":         "-1\n",
			"sys/fs/cgroup/cpu/cpu.cfs_period_us":        "100000\n",
		}, [6]float64{unset, unset, unset, unset, unset, unset}},
		"noise": {map[string]string{
			"proc/self/cgroup": "\x00\n::\n0::\n0::../../..\n", "sys/fs/cgroup/memory.max": "-5\n", "sys/fs/cgroup/cpu.max": "0 0\n",
		}, [6]float64{unset, unset, unset, unset, unset, unset}},
		"a limit without its use": {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "10\n"}, [6]float64{10, unset, unset, unset, unset, unset}},
	} {
		l := readLimits(testenv.Tree(t, test.files))
		got := [6]float64{l.memory, l.memoryUsed, l.cpus, l.throttled, l.periods, l.throttledPeriods}
		for i, v := range got {
			if math.IsNaN(v) {
				got[i] = unset
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// The kernel limits a process really: this test's other half, in a group of
// its own.
func TestLimits_realGroup(t *testing.T) {
	testenv.Root(t, "a control group is made")
	memory, cpu := "/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu"
	limits := map[string]string{"memory.limit_in_bytes": "536870912"}
	quota := map[string]string{"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "250000"}
	if !exists(memory) {
		memory, cpu = "/sys/fs/cgroup", "/sys/fs/cgroup"
		limits, quota = map[string]string{"memory.max": "536870912"}, map[string]string{"cpu.max": "250000 100000"}
	}
	var join strings.Builder
	for top, files := range map[string]map[string]string{memory: limits, cpu: quota} {
		folder := filepath.Join(top, fmt.Sprintf("tocsin-test-%d", os.Getpid()))
		if err := os.Mkdir(folder, 0o755); err != nil && !os.IsExist(err) {
			testenv.Skip(t, "no control group can be made: "+err.Error())
		}
		t.Cleanup(func() { _ = os.Remove(folder) }) // empty once the process has ended
		for _, name := range []string{"memory.limit_in_bytes", "memory.max", "cpu.cfs_period_us", "cpu.cfs_quota_us", "cpu.max"} {
			if value, ok := files[name]; ok {
				if err := os.WriteFile(filepath.Join(folder, name), []byte(value), 0o644); err != nil {
					testenv.Skip(t, "a control group cannot be limited: "+err.Error())
				}
			}
		}
		fmt.Fprintf(&join, "echo $$ > %s/cgroup.procs && ", folder)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", join.String()+`exec "$@"`, "sh", os.Args[0], "-test.run", "^TestLimits_ofMyself$", "-test.v")
	cmd.Env = append(os.Environ(), "TOCSIN_TEST_LIMITED=1")
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("PASS: TestLimits_ofMyself")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestLimits_ofMyself(t *testing.T) {
	if os.Getenv("TOCSIN_TEST_LIMITED") == "" {
		return // the test above runs it
	}
	l := readLimits("/")
	if l.memory != 536870912 || l.memoryUsed <= 0 || l.memoryUsed > l.memory || l.cpus != 2.5 || l.throttled < 0 || math.IsNaN(l.periods) {
		t.Errorf("%+v", l)
	}
}

func TestPlatform_conformance(t *testing.T) {
	for name, roots := range map[string]Roots{
		"this machine": {Proc: "/proc", Sys: "/sys", Root: "/", Own: "/"},
		"nothing":      {Proc: "/nonexistent/proc", Sys: "/nonexistent/sys", Root: "/nonexistent", Own: "/nonexistent"},
	} {
		t.Run(name, func(t *testing.T) {
			collectortest.Run(t, func(testing.TB) frame.Collector { return New(roots) })
		})
	}
}

func TestPlatform_sendsWhatIsKnown(t *testing.T) {
	own := testenv.Tree(t, map[string]string{
		".dockerenv": "", "proc/self/ns/pid": "-> pid:[1]", "proc/vmstat": "nr_free_pages 5\nballoon_inflate 12\nballoon_deflate 2\n",
		"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1000\n", "sys/fs/cgroup/memory.current": "900\n",
	})
	c := New(Roots{Proc: filepath.Join(own, "proc"), Sys: filepath.Join(own, "sys"), Root: own, Own: own})
	want := map[string]float64{
		"tocsin_host_platform_info{docker|unknown}": 1, "tocsin_host_measures_container{proc}": 1, "tocsin_host_measures_container{root}": 1,
		"tocsin_host_balloon_bytes":                10 * float64(os.Getpagesize()),
		"tocsin_host_container_memory_limit_bytes": 1000, "tocsin_host_container_memory_bytes": 900,
	}
	if diff := cmp.Diff(want, collectortest.Once(t, c).Samples); diff != "" {
		t.Error(diff)
	}
}

func FuzzKeyed(f *testing.F) {
	f.Add("nr_periods 7\nnr_throttled 3\n", "nr_periods")
	f.Fuzz(func(t *testing.T, content, key string) {
		if n := keyed(content, key); n < 0 {
			t.Errorf("%q of %q is %v", key, content, n)
		}
	})
}
