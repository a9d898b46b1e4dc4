package packaging

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"tocsin/internal/testenv"
)

// arch says where the C library lists the numbers of system calls, and how
// the kernel calls the architecture in a filter.
type arch struct {
	header string
	audit  uint32
}

var archs = map[string]arch{
	"amd64": {"/usr/include/x86_64-linux-gnu/asm/unistd_64.h", unix.AUDIT_ARCH_X86_64},
	"arm64": {"/usr/include/asm-generic/unistd.h", unix.AUDIT_ARCH_AARCH64},
}

// allowedCalls computes, as systemd does, which system calls the unit leaves:
// SystemCallFilter= lines add or, with ~, take away; @sets are systemd's own.
func allowedCalls(t *testing.T, u unit) []int {
	t.Helper()
	sets := callSets(t)
	allowed := map[string]bool{}
	for _, name := range expand(sets, "@default") { // always there
		allowed[name] = true
	}
	lines := slices.Clone(u["SystemCallFilter"])
	if u.yes("ProtectClock") {
		lines = append(lines, "~@clock")
	}
	for _, line := range lines {
		names, forbid := strings.CutPrefix(line, "~")
		for word := range strings.FieldsSeq(names) {
			for _, name := range expand(sets, word) {
				allowed[name] = !forbid
			}
		}
	}
	numbers := callNumbers(t)
	var calls []int
	for name, ok := range allowed {
		if number, known := numbers[name]; ok && known {
			calls = append(calls, number)
		}
	}
	slices.Sort(calls)
	return calls
}

// callSets asks systemd for its sets of system calls.
func callSets(t *testing.T) map[string][]string {
	t.Helper()
	analyze := testenv.Program(t, "systemd-analyze", "systemd")
	out, err := exec.Command(analyze, "syscall-filter", "--no-pager").Output()
	if err != nil {
		t.Fatalf("systemd-analyze syscall-filter: %v", err)
	}
	sets, current := map[string][]string{}, ""
	for line := range strings.Lines(string(out)) {
		word := strings.TrimSpace(line)
		switch {
		case word == "" || word[0] == '#':
		case line[0] == '@':
			current = word
		case line[0] == ' ':
			sets[current] = append(sets[current], word)
		}
	}
	return sets
}

func expand(sets map[string][]string, word string) []string {
	if word[0] != '@' {
		return []string{word}
	}
	var names []string
	for _, member := range sets[word] {
		names = append(names, expand(sets, member)...)
	}
	return names
}

func callNumbers(t *testing.T) map[string]int {
	t.Helper()
	header, err := os.ReadFile(archs[runtime.GOARCH].header)
	if err != nil {
		testenv.Skip(t, "the numbers of system calls are not known here (install libc6-dev): "+err.Error())
	}
	numbers := map[string]int{}
	for _, match := range regexp.MustCompile(`(?m)^#define __NR(?:3264)?_(\w+)\s+(\d+)$`).FindAllSubmatch(header, -1) {
		number, err := strconv.Atoi(string(match[2]))
		if err != nil {
			t.Fatal(err)
		}
		numbers[string(match[1])] = number
	}
	return numbers
}

// addressFamilies are those that RestrictAddressFamilies= may name here.
var addressFamilies = map[string]uint32{
	"AF_INET": unix.AF_INET, "AF_INET6": unix.AF_INET6, "AF_UNIX": unix.AF_UNIX, "AF_NETLINK": unix.AF_NETLINK,
}

// filterCalls installs a filter for all threads of this process: what is not
// allowed fails with EPERM, a socket of another family with EAFNOSUPPORT.
func filterCalls(u unit, allowed []int) error {
	if u.last("SystemCallErrorNumber") != "EPERM" {
		return errors.New("filterCalls knows EPERM only")
	}
	const offsetNumber, offsetArch, offsetFirstArgument = 0, 4, 16
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	unlessEqual := func(k uint32, skip uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jf: skip}
	}
	result := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }
	refuse := func(errno unix.Errno) unix.SockFilter { return result(unix.SECCOMP_RET_ERRNO | uint32(errno)) }

	program := []unix.SockFilter{
		load(offsetArch), unlessEqual(archs[runtime.GOARCH].audit, 1), load(offsetNumber), unlessEqual(unix.SYS_SOCKET, 0),
	}
	families := strings.Fields(u.last("RestrictAddressFamilies"))
	program[3].Jf = uint8(2*len(families) + 2) // over the check of families
	program = append(program, load(offsetFirstArgument))
	for _, name := range families {
		family, known := addressFamilies[name]
		if !known {
			return fmt.Errorf("filterCalls does not know %s", name)
		}
		program = append(program, unlessEqual(family, 1), result(unix.SECCOMP_RET_ALLOW))
	}
	program = append(program, refuse(unix.EAFNOSUPPORT))
	for _, number := range allowed {
		program = append(program, unlessEqual(uint32(number), 1), result(unix.SECCOMP_RET_ALLOW))
	}
	program = append(program, refuse(unix.EPERM))

	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	return nil
}
