//go:build linux

package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
	"tocsin/internal/testenv"
)

// mountsIn makes the collector of a machine whose files lie under root; its
// mount points are those of a machine's own root.
func mountsIn(root string, named ...string) *mounts {
	cfg := Config{Proc: filepath.Join(root, "proc"), Sys: filepath.Join(root, "sys"), Mounts: named}
	cfg.SetDefaults()
	r := newRoots(cfg)
	r.udev = filepath.Join(root, "run/udev/data")
	cfg.Root = root
	return newMounts(r, cfg)
}

const mountedThere = "22 1 8:2 / / rw - ext4 /dev/sda2 rw\n30 22 8:3 / /srv/my\\040data rw - ext4 /dev/sda3 rw\n31 22 0:40 / /mnt/nas rw - autofs systemd-1 rw\n32 22 8:4 / /data/real rw - xfs /dev/sda4 rw\n"

func TestMounts_whatShouldBeMounted(t *testing.T) {
	root := write(t, map[string]string{
		"proc/1/mountinfo": mountedThere, "data/real/x": "",
		"etc/fstab": `# a comment
UUID=1 / ext4 errors=remount-ro 0 1
LABEL=d /srv/my\040data/ ext4 defaults 0 2
nas:/x /mnt/nas nfs4 x-systemd.automount,_netdev
/dev/sdb1 /backup ext4 nofail
/dev/sdc1 /var/lib/postgresql ext4 nofail 0 2
/dev/sr0 /media/cdrom udf,iso9660 user,noauto 0 0
/dev/sdd1 /data/link xfs defaults 0 2
/dev/sde1 /gone ext4 defaults
tmpfs none tmpfs defaults
`,
		"etc/systemd/system/srv-a\\x2db.mount":     "[Mount]\n",
		"etc/systemd/system/unused.mount":          "[Mount]\n",
		"etc/systemd/system/x.target.wants/y.path": "",
		"lib/systemd/system/opt.mount":             "[Mount]\n",
	})
	wants := filepath.Join(root, "etc/systemd/system/multi-user.target.wants")
	if err := os.Mkdir(wants, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{
		`srv-a\x2db.mount`: `/etc/systemd/system/srv-a\x2db.mount`, "opt.mount": "../../../../lib/systemd/system/opt.mount",
		"masked.mount": "/dev/null", "left.mount": "/etc/systemd/system/left.mount", `odd\xzz.mount`: "/dev/null",
	} {
		if err := os.Symlink(target, filepath.Join(wants, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("real", filepath.Join(root, "data/link")); err != nil {
		t.Fatal(err)
	}
	r := run(t, mountsIn(root, "/var/lib/postgresql/", "/data/real"), time.Second)
	want := map[string]float64{
		`{expected_by="fstab",mountpoint="/"}`: 1, `{expected_by="fstab",mountpoint="/srv/my data"}`: 1, `{expected_by="fstab",mountpoint="/mnt/nas"}`: 1,
		`{expected_by="nofail",mountpoint="/backup"}`: 0, `{expected_by="site",mountpoint="/var/lib/postgresql"}`: 0, `{expected_by="site",mountpoint="/data/real"}`: 1,
		`{expected_by="fstab",mountpoint="/data/link"}`: 1, `{expected_by="fstab",mountpoint="/gone"}`: 0,
		`{expected_by="unit",mountpoint="/srv/a-b"}`: 0, `{expected_by="unit",mountpoint="/opt"}`: 0,
	}
	if len(r.samples) != len(want) || r.reason != "" {
		t.Errorf("%s %s: %v", r.reason, r.err, r.samples)
	}
	for labels, v := range want {
		wantSamples(t, r, map[string]float64{mountMounted.Name + labels: v})
	}
}

func TestMounts_swap(t *testing.T) {
	const fstab = "UUID=11-22 none swap sw 0 0\nLABEL=my\\040swap none swap sw,nofail\n/dev/vg/swap swap swap sw\n/swap.img none swap sw\n/swap.img none swap sw\n/dev/zram9 none swap noauto\n/gone.img none swap sw\n"
	files := map[string]string{
		"etc/fstab": fstab, "swap.img": "",
		"proc/swaps":               "Filename\tType\tSize\tUsed\tPriority\n/dev/sda2 partition 9 0 -2\n/dev/dm-1 partition 9 0 -3\n/swap.img file 9 0 -4\n",
		"sys/class/block/sda2/dev": "8:2\n",
		"sys/class/block/dm-1/dev": "254:1\n",
		"run/udev/data/b8:2":       "S:disk/by-uuid/11-22\nS:disk/by-label/other\nE:ID_FS_TYPE=swap\n",
		"run/udev/data/b254:1":     "S:mapper/vg-swap\nS:vg/swap\n",
	}
	r := run(t, mountsIn(write(t, files)), time.Second)
	want := map[string]float64{
		`tocsin_host_swap_on{expected_by="fstab",swap="UUID=11-22"}`: 1, `tocsin_host_swap_on{expected_by="nofail",swap="LABEL=my swap"}`: 0,
		`tocsin_host_swap_on{expected_by="fstab",swap="/dev/vg/swap"}`: 1, `tocsin_host_swap_on{expected_by="fstab",swap="/swap.img"}`: 1,
		`tocsin_host_swap_on{expected_by="fstab",swap="/gone.img"}`: 0,
	}
	wantSamples(t, r, want)
	if len(r.samples) != len(want) || r.reason != "" {
		t.Errorf("%s %s: %v", r.reason, r.err, r.samples)
	}

	// Without udev nobody knows which of them sda2 and dm-1 are.
	delete(files, "run/udev/data/b8:2")
	delete(files, "run/udev/data/b254:1")
	c := mountsIn(write(t, files))
	if r := run(t, c, time.Second); r.reason != "" || len(r.samples) != 1 || !strings.Contains(c.Explain(), "not detected") {
		t.Errorf("%s %v %q", r.err, r.samples, c.Explain())
	}
	files["proc/swaps"] = "Filename\tType\tSize\tUsed\tPriority\n"
	c = mountsIn(write(t, files))
	if r := run(t, c, time.Second); len(r.samples) != 5 || r.samples[`tocsin_host_swap_on{expected_by="fstab",swap="UUID=11-22"}`] != 0 || c.Explain() != "" {
		t.Errorf("none is on: %s %v %q", r.err, r.samples, c.Explain())
	}
}

func TestMounts_damage(t *testing.T) {
	r := run(t, mountsIn(write(t, map[string]string{"etc/fstab": "noise\n/dev/sda1 / ext4\n", "proc/1/mountinfo": mountedThere})), time.Second)
	wantFailure(t, r, frame.ReasonError, "malformed line", "noise")
	wantSamples(t, r, map[string]float64{mountMounted.Name + `{expected_by="fstab",mountpoint="/"}`: 1})

	// Nothing is missing because the list could not be read.
	r = run(t, mountsIn(write(t, map[string]string{"etc/fstab": "/dev/sda1 / ext4\n", "proc/1/mountinfo": "noise\n"})), time.Second)
	wantFailure(t, r, frame.ReasonError, "malformed line")
	if len(r.samples) > 0 {
		t.Error(r.samples)
	}
	if r := run(t, mountsIn(write(t, nil)), time.Second); r.reason != "" || len(r.samples) > 0 {
		t.Errorf("%s %v", r.err, r.samples)
	}
}

// A file system of the test's own comes and goes, seen through the real /proc.
func TestMounts_realKernel(t *testing.T) {
	testenv.Root(t, "mounts a file system")
	point := filepath.Join(t.TempDir(), "a b")
	if err := os.Mkdir(point, 0o755); err != nil {
		t.Fatal(err)
	}
	cfg := Config{Mounts: []string{point}}
	cfg.SetDefaults()
	c := newMounts(newRoots(cfg), cfg)
	series := mountMounted.Name + `{expected_by="site",mountpoint="` + point + `"}`
	wantSamples(t, run(t, c, 5*time.Second), map[string]float64{series: 0})
	if err := unix.Mount("tocsin-test", point, "tmpfs", 0, "size=64k"); err != nil {
		testenv.Skip(t, "a tmpfs cannot be mounted here: "+err.Error())
	}
	wantSamples(t, run(t, c, 5*time.Second), map[string]float64{series: 1})
	if err := unix.Unmount(point, 0); err != nil {
		t.Fatal(err)
	}
	wantSamples(t, run(t, c, 5*time.Second), map[string]float64{series: 0})
}

func TestMountOfUnit(t *testing.T) {
	for name, want := range map[string]string{
		"srv.mount": "/srv", "-.mount": "/", `srv-a\x2db-c.mount`: "/srv/a-b/c", ".mount": "", "srv.service": "", `srv\x2.mount`: "", `srv\y2d.mount`: "", "..-etc.mount": "/etc",
	} {
		if got, ok := mountOfUnit(name); got != want || ok != (want != "") {
			t.Errorf("%s is %q, %v", name, got, ok)
		}
	}
}

func FuzzFstab(f *testing.F) {
	f.Add("LABEL=d /srv/my\\040data/ ext4 defaults 0 2")
	f.Add(`srv-a\x2db.mount`)
	f.Fuzz(func(t *testing.T, text string) {
		if e, told, ok := parseFstabLine([]byte(text)); told && (!ok || e.source == "" || e.point != "" && e.point != filepath.Clean(e.point)) {
			t.Errorf("%q gives %+v", text, e)
		}
		if point, ok := mountOfUnit(text); ok && point != filepath.Clean(point) {
			t.Errorf("%q gives %q", text, point)
		}
		_ = udevName(text)
	})
}
