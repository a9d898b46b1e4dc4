package probes

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/frame"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
)

// shape is a look in a few letters: failed or not, and what is left of it.
func shape(r *Result) string {
	s := "up"
	switch {
	case r.Unmeasured != nil:
		s = "unmeasured"
	case !r.Success:
		s = string(r.Reason)
	}
	if len(r.Samples) > 0 {
		s += "+numbers"
	}
	if len(r.Steps) > 0 {
		s += "+steps"
	}
	return s
}

func TestHistory_keepsTheNewestAndTheNewestFailure(t *testing.T) {
	h := NewHistory(3)
	family := &frame.Family{Name: "probe_x"}
	look := func(reason Reason) *Result {
		return &Result{
			Success: reason == "", Reason: reason,
			Samples: []probe.Sample{{Family: family}}, Steps: []probe.Step{{Text: "connected"}},
		}
	}
	h.Add(look(probe.Refused))
	h.Add(&Result{Unmeasured: &probe.Unmeasured{}})
	h.Add(look(probe.Timeout))
	for range 20 {
		h.Add(look(""))
	}
	var got []string
	for _, r := range h.looks {
		got = append(got, shape(r))
	}
	want := []string{"up", "up", "up", "up", "up", "up", "up", "up+steps", "up+steps", "up+numbers+steps"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := shape(h.failure); got != "timeout+steps" {
		t.Errorf("the newest failure is %s", got)
	}
}

func TestCollector_looksShareTheirCertificates(t *testing.T) {
	server := probetest.HTTPS(t, probetest.SelfSigned(t, probetest.Spec{}), http.NotFoundHandler())
	c, err := New(Config{Target: server.URL}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := c.Collect(t.Context(), frame.NewSink(c.Families())); err != nil {
			t.Fatal(err)
		}
	}
	looks, failure := c.Looks()
	if len(looks) != 3 || failure == nil || failure.Reason == "" {
		t.Fatalf("%d looks, failure %+v", len(looks), failure)
	}
	for _, r := range looks[1:] {
		if r.Hops[0].TLS.Certificates[0] != looks[0].Hops[0].TLS.Certificates[0] {
			t.Error("the same certificate is kept twice")
		}
	}
	if !looks[0].Start.After(looks[2].Start) {
		t.Error("the newest is not the first")
	}
}
