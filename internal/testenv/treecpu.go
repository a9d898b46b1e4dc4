package testenv

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TreeCPU returns what a process and its children have used of the processors,
// those children included that have ended: a PostgreSQL with its backends.
func TreeCPU(t testing.TB, pid int) time.Duration {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	ticks, parent := 0, strconv.Itoa(pid)
	for _, path := range all {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended: its parent has counted it
		}
		_, rest, _ := strings.Cut(string(stat), ") ") // the name before may have spaces
		fields := strings.Fields(rest)
		itself := path == fmt.Sprintf("/proc/%d/stat", pid)
		if !itself && fields[1] != parent {
			continue
		}
		counted := fields[11:13] // utime, stime
		if itself {
			counted = fields[11:15] // and those of children that were waited for
		}
		for _, field := range counted {
			n, _ := strconv.Atoi(field) // proc(5): a number
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100 everywhere
}
