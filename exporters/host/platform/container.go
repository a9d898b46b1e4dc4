package platform

import (
	"os"
	"path/filepath"
	"strings"
)

// names are the containers that are told apart; others are container-other.
var names = []string{"lxc", "lxc-libvirt", "systemd-nspawn", "docker", "podman", "rkt", "oci", "wsl", "proot", "pouch"}

// container returns what the system whose files lie under root is a container
// of, by the signs that its manager leaves there (detect_container in
// systemd's virt.c).
func container(proc, root string) string {
	kernel := text(proc, "sys/kernel/osrelease")
	switch {
	case exists(proc, "vz") && !exists(proc, "bc"):
		return "openvz"
	case strings.Contains(kernel, "Microsoft"), strings.Contains(kernel, "WSL"):
		return "wsl"
	}
	// systemd in a container writes down what its manager told it.
	if name := text(root, "run/systemd/container"); name != "" {
		return known(name)
	}
	// Of the environment of process 1 only root may see this.
	for variable := range strings.SplitSeq(text(proc, "1/environ"), "\x00") {
		if name, ok := strings.CutPrefix(variable, "container="); ok && name != "" {
			return known(name)
		}
	}
	switch {
	case exists(root, "run/.containerenv"):
		return "podman"
	case exists(root, ".dockerenv"):
		return "docker"
	case exists(root, "run/secrets/kubernetes.io"), exists(root, "var/run/secrets/kubernetes.io"):
		return "container-other"
	}
	return none
}

func known(name string) string {
	for _, n := range names {
		if name == n {
			return n
		}
	}
	return "container-other"
}

// whole tells containers that are run as machines, with a system of their own
// inside, from those that hold one program. Who watches one of the former
// means it.
func whole(container string) bool {
	switch container {
	case none, "lxc", "lxc-libvirt", "systemd-nspawn", "openvz", "wsl":
		return true
	}
	return false
}

// hostNamespace is the PID namespace of the machine itself, whose number the
// kernel fixes (PROC_PID_INIT_INO in include/uapi/linux/nsfs.h).
const hostNamespace = "pid:[4026531836]"

// measuresItself tells of proc and root whether they are the container's that
// Tocsin runs in, where the machine's could be meant. ok is false where it
// runs in none, or nothing can be said.
func (r Roots) measuresItself() (proc, root, ok bool) {
	if whole(container(filepath.Join(r.Own, "proc"), r.Own)) {
		return false, false, false
	}
	namespace, err := os.Readlink(filepath.Join(r.Own, "proc/self/ns/pid"))
	if err != nil {
		return false, false, false
	}
	ownProc := filepath.Clean(r.Proc) == filepath.Join(r.Own, "proc") && namespace != hostNamespace
	return ownProc, filepath.Clean(r.Root) == filepath.Clean(r.Own), true
}
