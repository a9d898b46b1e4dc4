// Package platform tells what the machine runs on: a virtual machine, a
// container or neither, what a balloon has taken from it, under which limits
// Tocsin itself runs, and whether Tocsin, in a container, measures that
// container where the machine is meant.
//
// It reads files only. What it takes a machine for is named as
// systemd-detect-virt(1) names it, and mostly by the same signs; where that
// asks the processor itself, the clock sources that the kernel found tell the
// hypervisor.
package platform
