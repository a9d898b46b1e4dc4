package probes

import (
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/testenv"
	"tocsin/probes/ntpprobe"
	"tocsin/probes/probe"
)

// TestNTP_chrony asks real servers: one that serves its own clock, and one
// that follows nothing.
func TestNTP_chrony(t *testing.T) {
	good, lost := testenv.Port(t), testenv.Port(t)
	testenv.Chrony(t, good, "local stratum 8")
	testenv.Chrony(t, lost)
	for version := 3; version <= 4; version++ {
		r, page := look(t, Config{Target: fmt.Sprintf("ntp://127.0.0.1:%d", good), NTP: ntpprobe.Config{Version: version}}, Options{})
		wantReason(t, r, page, "", "")
		page.wants(t, "probe_ntp_stratum", 8)
		page.wants(t, "probe_ntp_leap", 0)
		page.lacks(t, "probe_ntp_kiss_info")
		// It is the same clock, so the offset is within what the way took.
		if off, way := page["probe_ntp_offset_seconds"], page["probe_ntp_rtt_seconds"]; math.Abs(off) > way/2+0.001 {
			t.Errorf("version %d: the offset of the same clock is %v s, and the way took %v s", version, off, way)
		}
		if at := page["probe_ntp_reference_timestamp_seconds"]; math.Abs(at-float64(time.Now().Unix())) > 3600 {
			t.Errorf("version %d: the clock was set at %v", version, at)
		}
	}
	r, page := look(t, Config{Target: fmt.Sprintf("ntp://127.0.0.1:%d", lost)}, Options{})
	wantReason(t, r, page, probe.Unsynchronised, "transfer")
	page.wants(t, "probe_ntp_leap", 3)
}

// answer is what a server answers, beside what it repeats of the question.
type answer struct {
	leap, stratum  byte
	reference      string        // its identifier, or the kiss code
	ahead          time.Duration // of our clock
	set            time.Duration // before now
	rootDispersion time.Duration
}

func (a *answer) packet(question []byte) []byte {
	p := make([]byte, 48)
	p[0], p[1], p[2], p[3] = a.leap<<6|question[0]&0o70|4, a.stratum, 6, 0xE8
	binary.BigEndian.PutUint32(p[8:], uint32(a.rootDispersion.Seconds()*65536))
	copy(p[12:16], a.reference)
	now := time.Now().Add(a.ahead)
	stamp := func(at int, then time.Time) {
		binary.BigEndian.PutUint32(p[at:], uint32(then.Unix()+2208988800)) // from 1900 on, RFC 5905, section 6
		binary.BigEndian.PutUint32(p[at+4:], uint32(int64(then.Nanosecond())<<32/1e9))
	}
	stamp(16, now.Add(-a.set))
	copy(p[24:32], question[40:48])
	stamp(32, now)
	stamp(40, now)
	return p
}

// timeServer answers each question with what answer makes of it; nil is silence.
func timeServer(t *testing.T, answer func(question []byte) []byte) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() { // ends with the connection
		b := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			if n >= 48 {
				if a := answer(b[:n]); a != nil {
					_, _ = conn.WriteTo(a, from)
				}
			}
		}
	}()
	return "ntp://" + conn.LocalAddr().String()
}

func TestNTP_answers(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer answer
		reason probe.Reason
		says   string
		series map[string]float64
	}{
		{"good", answer{stratum: 2}, "", "", map[string]float64{"probe_ntp_stratum": 2}},
		{"ahead", answer{stratum: 1, reference: "GPS", ahead: 90 * time.Second}, "", "", nil},
		{"behind", answer{stratum: 1, reference: "GPS", ahead: -90 * time.Second}, "", "", nil},
		{"leap second", answer{stratum: 2, leap: 1}, "", "", map[string]float64{"probe_ntp_leap": 1}},
		{"not synchronised", answer{stratum: 2, leap: 3}, probe.Unsynchronised, "leap indicator 3", nil},
		{"follows nothing", answer{stratum: 16, leap: 3}, probe.Unsynchronised, "follows no other", map[string]float64{"probe_ntp_stratum": 16, "probe_ntp_leap": 3}},
		{"long ago", answer{stratum: 2, set: 40 * time.Hour}, probe.Unsynchronised, "more than 36 hours ago", nil},
		{"unsure", answer{stratum: 2, rootDispersion: 20 * time.Second}, probe.Unsynchronised, "wrong by 20s", nil},
		{"set in the future", answer{stratum: 2, set: -time.Minute}, probe.Protocol, "contradicts itself", nil},
		{"refuses us", answer{leap: 3, reference: "DENY"}, probe.Status, "DENY: the server does not serve us", map[string]float64{`probe_ntp_kiss_info{code="DENY"}`: 1, "probe_ntp_stratum": 0}},
		{"just started", answer{leap: 3, reference: "INIT"}, probe.Unsynchronised, "INIT", map[string]float64{`probe_ntp_kiss_info{code="INIT"}`: 1}},
		{"no code", answer{leap: 3, reference: "\x00\xff<>"}, probe.Unsynchronised, "follows no other", nil},
		{"new code", answer{leap: 3, reference: "XFUN"}, probe.Status, "not known", map[string]float64{`probe_ntp_kiss_info{code="other"}`: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, page := look(t, Config{Target: timeServer(t, c.answer.packet)}, Options{})
			phase := "transfer"
			if c.reason == "" {
				phase = ""
			}
			wantReason(t, r, page, c.reason, phase)
			if !strings.Contains(r.Explain(), c.says) {
				t.Errorf("it says %q, not %q", r.Explain(), c.says)
			}
			for series, value := range c.series {
				page.wants(t, series, value)
			}
			if c.answer.ahead != 0 {
				wantFault(t, &r, "the server's clock and ours differ by 1m")
			} else {
				wantFault(t, &r, "")
			}
			if c.answer.stratum == 0 {
				page.lacks(t, "probe_ntp_offset_seconds")
			} else if off := page["probe_ntp_offset_seconds"]; math.Abs(off-c.answer.ahead.Seconds()) > 1 {
				t.Errorf("the offset is %v, want %v", off, c.answer.ahead.Seconds())
			}
		})
	}
}

// A server that says that we ask too often has told nothing of its clock.
func TestNTP_tooOftenIsNotMeasured(t *testing.T) {
	a := answer{leap: 3, reference: "RATE"}
	p, err := NewProber(Config{Target: timeServer(t, a.packet)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r := p.Probe(t.Context()); r.Unmeasured == nil || !strings.Contains(r.Unmeasured.Error(), "we ask too often") {
		t.Errorf("it says %q", r.Explain())
	}
}

func TestNTP_hostile(t *testing.T) {
	good := answer{stratum: 2}
	for _, c := range []struct {
		name   string
		answer func([]byte) []byte
		reason probe.Reason
	}{
		{"silence", func([]byte) []byte { return nil }, probe.Timeout},
		{"too short", func(q []byte) []byte { return good.packet(q)[:20] }, probe.Protocol},
		{"empty", func([]byte) []byte { return []byte{} }, probe.Protocol},
		{"answers another", func(q []byte) []byte {
			p := good.packet(q)
			p[24] ^= 1
			return p
		}, probe.Protocol},
		{"echoes", func(q []byte) []byte { return q }, probe.Protocol},
		{"long", func(q []byte) []byte { return append(good.packet(q), make([]byte, 1400)...) }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, _ := look(t, Config{Target: timeServer(t, c.answer), Timeout: model.Duration(700 * time.Millisecond)}, Options{})
			if r.Reason != c.reason {
				t.Errorf("the reason is %q, want %q: %v", r.Reason, c.reason, r.Err)
			}
		})
	}
	r, page := look(t, Config{Target: fmt.Sprintf("ntp://127.0.0.1:%d", testenv.Port(t))}, Options{})
	wantReason(t, r, page, probe.Refused, "processing")
}
