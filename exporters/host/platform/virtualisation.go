package platform

import (
	"path/filepath"
	"strings"
)

// none and unknown are what is said where there is no hypervisor or container,
// and where nothing tells.
const (
	none    = "none"
	unknown = "unknown"
)

// vendors are what the firmware says of a virtual machine, in the fields
// below (detect_vm_dmi in systemd's virt.c). The first that fits wins.
var vendors = []struct{ begins, is string }{
	{"KVM", "kvm"},
	{"OpenStack", "kvm"},
	{"KubeVirt", "kvm"},
	{"Amazon EC2", "amazon"},
	{"QEMU", "qemu"},
	{"VMware", "vmware"},
	{"VMW", "vmware"},
	{"innotek GmbH", "oracle"},
	{"VirtualBox", "oracle"},
	{"Xen", "xen"},
	{"Bochs", "bochs"},
	{"Parallels", "parallels"},
	{"BHYVE", "bhyve"},
	{"Hyper-V", "microsoft"},
	{"Apple Virtualization", "apple"},
	{"Google Compute Engine", "google"},
}

// virtualisation returns the hypervisor below the machine.
func virtualisation(proc, sys string) string {
	flagged, flags := hypervisorFlag(filepath.Join(proc, "cpuinfo"))
	if text(sys, "hypervisor/type") == "xen" {
		if strings.Contains(text(proc, "xen/capabilities"), "control_d") {
			return none // the hypervisor's own domain, on the real machine
		}
		return "xen"
	}
	if compatible := text(proc, "device-tree/hypervisor/compatible"); compatible != "" {
		switch {
		case strings.Contains(compatible, "linux,kvm"):
			return "kvm"
		case strings.Contains(compatible, "xen"):
			return "xen"
		}
		return "vm-other"
	}
	firmware := vendor(sys)
	if flags && !flagged {
		if firmware == "" || firmware == "amazon" { // whose real machines say so too
			return none
		}
		return firmware
	}
	// The clock of a hypervisor tells more than a firmware that is QEMU's
	// with and without KVM.
	clocks := text(sys, "devices/system/clocksource/clocksource0/available_clocksource")
	switch {
	case firmware != "" && firmware != "qemu":
		return firmware
	case strings.Contains(clocks, "kvm-clock"):
		return "kvm"
	case strings.Contains(clocks, "hyperv_clocksource"):
		return "microsoft"
	case firmware != "":
		return firmware
	case flagged:
		return "vm-other"
	case text(sys, "class/dmi/id/sys_vendor") != "":
		return none
	default:
		return unknown
	}
}

// vendor returns what the firmware takes the machine for, if that is virtual.
func vendor(sys string) string {
	for _, field := range []string{"product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version"} {
		value := text(sys, "class/dmi/id", field)
		for _, v := range vendors {
			if strings.HasPrefix(value, v.begins) {
				return v.is
			}
		}
	}
	return ""
}

// hypervisorFlag tells whether the first processor says that it runs under a
// hypervisor, and whether it says such things at all: those of Intel's line
// do.
func hypervisorFlag(cpuinfo string) (flagged, flags bool) {
	for line := range strings.Lines(text(cpuinfo)) {
		name, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(name) == "flags" {
			return strings.Contains(value+" ", " hypervisor "), true
		}
	}
	return false, false
}
