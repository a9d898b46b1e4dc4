//go:build soak

package app

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestSoak runs a hub with default settings for TOCSIN_SOAK (24h) and holds
// its memory: after a warm-up of a third of the time it may not grow by more
// than a tenth. It is run by make soak.
func TestSoak(t *testing.T) {
	span, err := time.ParseDuration(os.Getenv("TOCSIN_SOAK"))
	if err != nil {
		t.Fatalf("TOCSIN_SOAK: %v; write how long to run, as 24h", err)
	}
	hub := newInstance(t, "hub", "site: soak\n")
	hub.start()
	var warm, late int // peaks of resident memory, kB
	began := time.Now()
	tick := time.NewTicker(min(span/60, 10*time.Minute))
	defer tick.Stop()
	for elapsed := time.Duration(0); elapsed < span; elapsed = time.Since(began) {
		select {
		case <-hub.process.Done():
			t.Fatalf("the hub ended:\n%s", hub.process.Output())
		case <-tick.C:
		}
		kB := resident(t, hub.process.PID())
		if elapsed < span/3 {
			warm = max(warm, kB)
		} else {
			late = max(late, kB)
		}
		t.Logf("%8s: %.1f MiB", elapsed.Round(time.Second), float64(kB)/1024)
	}
	if float64(late) > 1.1*float64(warm) {
		t.Errorf("memory grows: %d kB in the first third, %d kB after", warm, late)
	}
}

func resident(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kB, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return kB
		}
	}
	t.Fatal("no VmRSS")
	return 0
}
