package ntpprobe

import (
	"testing"
	"time"
)

func TestApart_hasNoSign(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-6 * time.Microsecond:    "6 µs behind",
		400 * time.Nanosecond:    "0 µs ahead of",
		12345 * time.Microsecond: "12.3 ms ahead of",
		-90 * time.Second:        "1m30s behind",
	} {
		if got := apart(d); got != want {
			t.Errorf("%d ns: got %q, want %q", d, got, want)
		}
	}
}
