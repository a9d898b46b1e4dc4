package ipsec

import (
	"strconv"
	"strings"
	"time"

	"tocsin/internal/frame"
)

// traffic sums up what the associations of one tunnel have carried.
type traffic struct {
	received, sent uint64
	youngest       uint64 // seconds since the newest of them was made
	known          bool   // youngest
}

func (t *traffic) add(child *section) {
	t.received += whole(child.values["bytes-in"])
	t.sent += whole(child.values["bytes-out"])
	if n, err := strconv.ParseUint(child.values["install-time"], 10, 32); err == nil && (!t.known || n < t.youngest) {
		t.youngest, t.known = n, true
	}
}

func (t *traffic) send(s *frame.Sink, now time.Time, connection, child string) {
	s.Send(childReceived, float64(t.received), connection, child)
	s.Send(childSent, float64(t.sent), connection, child)
	if t.known {
		s.Send(childKeyed, float64(now.Unix())-float64(t.youngest), connection, child)
	}
}

// whole reads a number; 0 if it is none.
func whole(text string) uint64 {
	n, _ := strconv.ParseUint(text, 10, 64)
	return n
}

// sendJobs sends what the daemon's threads do.
func sendJobs(s *frame.Sink, stats *section) {
	active, queues := stats.find("workers").find("active"), stats.find("queues")
	total, known := uint64(0), false
	for _, priority := range []string{"critical", "high", "medium", "low"} {
		if n, err := strconv.ParseUint(active.values[priority], 10, 32); err == nil {
			total, known = total+n, true
		}
		if n, err := strconv.ParseUint(queues.values[priority], 10, 32); err == nil {
			s.Send(queued, float64(n), priority)
		}
	}
	if known {
		s.Send(activeWorkers, float64(total))
	}
}

func label(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
