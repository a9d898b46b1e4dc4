package ntpprobe

import (
	"net"
	"testing"
	"time"

	"github.com/beevik/ntp"

	"tocsin/probes/probe"
)

// reply is a connection whose server answers the question with b, having put
// the question's own time where an answer repeats it.
type reply struct {
	net.Conn
	b []byte
}

func (r *reply) Write(question []byte) (int, error) {
	if len(r.b) >= 32 && len(question) >= 48 {
		copy(r.b[24:32], question[40:48])
	}
	return len(question), nil
}

func (r *reply) Read(b []byte) (int, error)  { return copy(b, r.b), nil }
func (*reply) Close() error                  { return nil }
func (*reply) SetDeadline(_ time.Time) error { return nil }

// Whatever a server answers, a look ends with a reason or with good time.
func FuzzAnswer(f *testing.F) {
	f.Add(make([]byte, 48))
	f.Add([]byte{0x24, 2, 6, 0xE8})
	f.Add(append([]byte{0x24, 0, 6, 0xE8, 0, 0, 0, 0, 0, 0, 0, 0, 'R', 'A', 'T', 'E'}, make([]byte, 32)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := query(&reply{b: b}, ntp.QueryOptions{})
		if err != nil {
			if f := probe.FailureOf(askError(t.Context(), err)); f.Reason == "" || f.Error() == "" {
				t.Errorf("%v has no reason", err)
			}
			return
		}
		r := probe.Begin(t.Context(), "ntp://192.0.2.1")
		sample(&r, a)
		r.End(judge(a), nil)
		if r.Success && (a.Stratum == 0 || a.Stratum > 15 || a.Leap == ntp.LeapNotInSync) {
			t.Errorf("stratum %d with leap indicator %d is taken for good time", a.Stratum, a.Leap)
		}
		if !r.Success && r.Explain() == "" {
			t.Error("the failure has no words")
		}
	})
}
