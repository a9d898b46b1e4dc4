//go:build linux

package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tocsin/internal/testenv"
)

// coverVar names a mount point that the test binary covers with a file system
// of its own before it serves the page, in a mount namespace whose root it
// first makes read-only: what ProtectHome= and ProtectSystem=strict do.
const coverVar = "TOCSIN_TEST_COVER"

func harden(cover string) error {
	return errors.Join(
		unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""),
		unix.Mount("cover", cover, "tmpfs", unix.MS_RDONLY, "size=4k"),
	)
}

// What is read-only and what is mounted where is the machine's business, not
// that of the unit that we run in; and what we cannot see we say.
func TestFilesystem_pageOfAHardenedUnit(t *testing.T) {
	testenv.Root(t, "makes a mount namespace")
	point := t.TempDir()
	if err := unix.Mount("tocsin-test", point, "tmpfs", 0, "size=64k"); err != nil {
		testenv.Skip(t, "a tmpfs cannot be mounted here: "+err.Error())
	}
	t.Cleanup(func() {
		if err := unix.Unmount(point, 0); err != nil {
			t.Errorf("unmount %s: %v", point, err)
		}
	})
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(testenv.Port(t)))
	unit := exec.Command(os.Args[0])
	unit.Env = append(os.Environ(), serveVar+"="+address, coverVar+"="+point)
	unit.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	testenv.StartCmd(t, unit)
	testenv.WaitHTTP(t, "http://"+address)

	labels := `{device="tocsin-test",device_error=%q,fstype="tmpfs",mountpoint=` + strconv.Quote(point) + "}"
	shown, hidden := fmt.Sprintf(labels, ""), fmt.Sprintf(labels, errorHidden)
	var cfg Config
	cfg.SetDefaults()
	outside := find(t, plain(New(cfg, discard())), "filesystem")
	// Others mount and unmount while we look: look again.
	testenv.Eventually(t, 20*time.Second, "the same page inside and outside", func(ctx context.Context) error {
		want := run(t, outside, 10*time.Second).samples
		inside, err := fetch(ctx, "http://"+address)
		if err != nil {
			return err
		}
		got := map[string]float64{}
		for name, mf := range inside {
			for _, m := range mf.GetMetric() {
				if strings.HasPrefix(name, "node_filesystem_") {
					got[series(name, m)] = value(m)
				}
			}
		}
		if got["node_filesystem_device_error"+hidden] != 1 {
			return errors.New("inside, the covered mount is not said to be hidden")
		}
		if want["node_filesystem_size_bytes"+shown] != 64<<10 {
			return errors.New("outside, the mount has not its size")
		}
		for samples, why := range map[*map[string]float64]string{&got: hidden, &want: shown} {
			maps.DeleteFunc(*samples, func(name string, _ float64) bool {
				return strings.HasSuffix(name, why) || strings.Contains(name, "mount_info") && strings.Contains(name, point)
			})
		}
		if a, b := slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)); !slices.Equal(a, b) {
			return fmt.Errorf("outside there is %v, inside %v", a, b)
		}
		for name, v := range want {
			if strings.HasPrefix(name, "node_filesystem_readonly") && got[name] != v {
				return fmt.Errorf("%s is %v outside and %v inside", name, v, got[name])
			}
		}
		return nil
	})
}
