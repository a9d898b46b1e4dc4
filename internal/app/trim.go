package app

import (
	"bufio"
	"debug/elf"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// trim gives back what only the start needed: garbage, and the pages of the
// program's own code and constants that the linked-in systems touched while
// they initialised. They are mapped from the file and never written, so the
// kernel brings back from its cache what is used again; what is not, some
// 20 MiB, is no longer part of the process. That holds for a program that was
// linked to its addresses; one that was relocated at its start (PIE) has
// written to its constants, and is left alone.
func trim() {
	debug.FreeOSMemory()
	self, err := os.Readlink("/proc/self/exe")
	if err != nil || !fixed(self) {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		// start-end perms offset device inode path, see proc(5)
		f := strings.Fields(lines.Text())
		if len(f) != 6 || f[5] != self || strings.Contains(f[1], "w") {
			continue
		}
		from, to, _ := strings.Cut(f[0], "-")
		start, err1 := strconv.ParseUint(from, 16, 64)
		end, err2 := strconv.ParseUint(to, 16, 64)
		if err1 == nil && err2 == nil {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, uintptr(start), uintptr(end-start), unix.MADV_DONTNEED)
		}
	}
}

// fixed tells whether a program was linked to its addresses.
func fixed(path string) bool {
	f, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return f.Type == elf.ET_EXEC
}
