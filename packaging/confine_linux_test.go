package packaging

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// confined are the directives that confine applies by hand, as systemd.exec(5)
// describes them.
var confined = []string{
	"AmbientCapabilities", "CapabilityBoundingSet", "Group", "NoNewPrivileges", "PrivateDevices", "PrivateIPC",
	"PrivateMounts", "PrivateTmp", "ProcSubset", "ProtectClock", "ProtectControlGroups", "ProtectHome", "ProtectHostname",
	"ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables", "ProtectProc", "ProtectSystem",
	"RestrictAddressFamilies", "StateDirectory", "SystemCallErrorNumber", "SystemCallFilter", "UMask", "User",
}

// elsewhere are those that cannot change what a page says: they steer
// systemd, bound resources, or forbid what Tocsin never does.
var elsewhere = []string{
	"ConfigurationDirectory", "ConfigurationDirectoryMode", "Environment", "ExecReload", "ExecStart", "KeyringMode",
	"LockPersonality", "MemoryDenyWriteExecute", "MemoryMax", "NotifyAccess", "OOMScoreAdjust", "RemoveIPC", "Restart",
	"RestartSec", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID", "StateDirectoryMode",
	"SystemCallArchitectures", "TasksMax", "TimeoutStartSec", "TimeoutStopSec", "Type", "WatchdogSec",
}

// confine gives the calling process, alone in a mount name space that was just
// made, the view of files that the unit gives. It is called as root; scratch
// is an empty folder for what is laid over other things.
func confine(u unit, state, scratch string) error {
	c := confiner{scratch: scratch}
	c.folder(hiddenFolder, 0)
	c.file(hiddenFile, 0)
	// Mounts made outside arrive inside, none made here leaves.
	c.mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, "")
	c.mount(state, state, "", unix.MS_BIND, "")
	if u.yes("ProtectHome") {
		c.hide("/home", "/root", "/run/user")
	}
	if u.yes("ProtectKernelModules") {
		c.hide("/usr/lib/modules", "/lib/modules")
	}
	if u.yes("PrivateDevices") {
		c.privateDevices()
	}
	if u.last("ProtectSystem") == "strict" {
		c.readOnlyAll(state)
	}
	c.proc(u)
	if u.yes("ProtectKernelTunables") {
		c.readOnly("/proc/sys", "/proc/fs", "/proc/irq", "/proc/bus", "/proc/acpi", "/proc/scsi", "/proc/sysrq-trigger", "/sys")
		c.hide("/proc/kallsyms", "/proc/kcore")
	}
	if u.yes("ProtectKernelLogs") {
		c.hide("/proc/kmsg", "/dev/kmsg")
	}
	if u.yes("ProtectControlGroups") {
		c.readOnly("/sys/fs/cgroup")
	}
	for directive, flag := range map[string]int{"PrivateIPC": unix.CLONE_NEWIPC, "ProtectHostname": unix.CLONE_NEWUTS} {
		if u.yes(directive) {
			c.note(directive, unix.Unshare(flag))
		}
	}
	if u.yes("PrivateTmp") { // last: scratch lies below it
		c.privateTmp()
	}
	return errors.Join(c.errs...)
}

// What is laid over things that must not be seen.
const (
	hiddenFolder = "hidden"
	hiddenFile   = "hidden.file"
)

// confiner gathers what went wrong.
type confiner struct {
	scratch string
	errs    []error
}

func (c *confiner) note(what string, err error) {
	if err != nil {
		c.errs = append(c.errs, fmt.Errorf("%s: %w", what, err))
	}
}

func (c *confiner) mount(source, target, kind string, flags uintptr, data string) {
	c.note("mount "+target, unix.Mount(source, target, kind, flags, data))
}

func (c *confiner) folder(name string, mode os.FileMode) string {
	path := filepath.Join(c.scratch, name)
	c.note("folder", os.Mkdir(path, 0o755))
	c.note("folder", os.Chmod(path, mode))
	return path
}

func (c *confiner) file(name string, mode os.FileMode) {
	c.note("file", os.WriteFile(filepath.Join(c.scratch, name), nil, mode))
}

// hide lays something empty, closed to all, over paths that exist.
func (c *confiner) hide(paths ...string) {
	for _, path := range paths {
		info, err := os.Lstat(path)
		switch {
		case err != nil || info.Mode().Type() == os.ModeSymlink:
		case info.IsDir():
			c.mount(filepath.Join(c.scratch, hiddenFolder), path, "", unix.MS_BIND, "")
		default:
			c.mount(filepath.Join(c.scratch, hiddenFile), path, "", unix.MS_BIND, "")
		}
	}
}

// readOnly makes paths that exist, and all mounts below them, read-only.
func (c *confiner) readOnly(paths ...string) {
	for _, path := range paths {
		if _, err := os.Lstat(path); err != nil {
			continue
		}
		c.mount(path, path, "", unix.MS_BIND|unix.MS_REC, "")
		attr := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
		c.note("read-only "+path, unix.MountSetattr(unix.AT_FDCWD, path, unix.AT_RECURSIVE, attr))
	}
}

// readOnlyAll makes everything read-only but the kernel's file systems and
// the state folder.
func (c *confiner) readOnlyAll(state string) {
	list, err := os.ReadFile("/proc/self/mountinfo")
	c.note("mounts", err)
	for line := range strings.Lines(string(list)) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		point := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\134`, `\`).Replace(fields[4])
		if within(point, "/dev") || within(point, "/proc") || within(point, "/sys") || point == state {
			continue
		}
		err := unix.MountSetattr(unix.AT_FDCWD, point, 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
		// What lies under another mount is out of reach, and out of sight.
		if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EACCES) {
			c.note("read-only "+point, err)
		}
	}
}

func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

// privateTmp lays an empty folder over those of temporary files.
func (c *confiner) privateTmp() {
	c.mount("tmpfs", "/var/tmp", "tmpfs", 0, "mode=1777")
	c.mount("/var/tmp", "/tmp", "", unix.MS_BIND, "")
}

// privateDevices makes a /dev with the harmless devices only.
func (c *confiner) privateDevices() {
	dev := c.folder("dev", 0o755)
	c.mount("tmpfs", dev, "tmpfs", unix.MS_NOSUID, "mode=0755,size=4m")
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		node := filepath.Join(dev, name)
		c.note("device", os.WriteFile(node, nil, 0o666))
		c.mount("/dev/"+name, node, "", unix.MS_BIND, "")
	}
	for _, name := range []string{"shm", "pts", "mqueue", "hugepages"} {
		if _, err := os.Stat("/dev/" + name); err == nil {
			c.note("device folder", os.Mkdir(filepath.Join(dev, name), 0o755))
			c.mount("/dev/"+name, filepath.Join(dev, name), "", unix.MS_BIND, "")
		}
	}
	c.mount(dev, "/dev", "", unix.MS_MOVE, "")
}

// proc mounts /proc anew where the unit wants less of it to be seen.
func (c *confiner) proc(u unit) {
	var options []string
	if v := u.last("ProtectProc"); v != "" && v != "default" {
		options = append(options, "hidepid="+v)
	}
	if u.last("ProcSubset") == "pid" {
		options = append(options, "subset=pid")
	}
	if len(options) > 0 {
		c.mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, strings.Join(options, ","))
	}
}

// surrender drops what root has over others: capabilities, for good.
func surrender(u unit) error {
	if u.last("CapabilityBoundingSet") != "" || u.last("AmbientCapabilities") != "" {
		return errors.New("surrender knows only empty sets of capabilities")
	}
	for capability := range uintptr(unix.CAP_LAST_CAP + 1) {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err != nil && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("drop capability %d: %w", capability, err)
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("clear ambient capabilities: %w", err)
	}
	if u.yes("NoNewPrivileges") {
		return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	}
	return nil
}
