package brick

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/bricks"
	"tocsin/internal/frame"
)

func TestNewest_followsTheServiceAndKnowsSinceWhen(t *testing.T) {
	var answer atomic.Value
	at := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		body, _ := answer.Load().(string)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(body))
	})
	clock := time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC)
	entries, err := New(bricks.Brick{Name: "pad", URL: at}, kind(t, pad), Options{Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	if found, ok := Newest(entries[0].Collector); !ok || !found.At.IsZero() {
		t.Fatalf("before the first look: %+v, %v", found, ok)
	}
	target := frame.NewTarget(frame.Spec{Job: "brick", Instance: "pad", Collectors: entries[:1]}, slog.New(slog.DiscardHandler))
	var fell time.Time
	for _, step := range []struct {
		answer string
		want   Finding
		since  string
	}{
		{`{"ok":true,"users":1,"version":"2.5.3"}`, Finding{Known: true, Up: true, Version: "2.5.3"}, ""},
		{`{"ok":true,"users":"many"}`, Finding{Known: true, Up: true, Missing: []MissingMetric{{Name: "pad_users", Reason: bricks.WrongType}}}, ""},
		{`{"ok":false,"users":1,"why":"the disk is full"}`, Finding{Known: true, Reason: bricks.Unhealthy, Words: "the disk is full"}, "now"},
		{`{"ok":false,"users":1,"why":"still full"}`, Finding{Known: true, Reason: bricks.Unhealthy, Words: "still full"}, "then"},
		{`{"ok":true,"users":1}`, Finding{Known: true, Up: true}, "now"},
	} {
		clock = clock.Add(time.Minute)
		answer.Store(step.answer)
		target.Gather(t.Context())
		got, _ := Newest(entries[0].Collector)
		step.want.At = clock
		switch step.since {
		case "now":
			fell = clock
			fallthrough
		case "then":
			step.want.Since = fell
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", step.answer, diff)
		}
	}
}

func TestNewest_aRequestThatIsRefusedIsNamed(t *testing.T) {
	at := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	entries, err := New(bricks.Brick{Name: "pad", URL: at}, kind(t, pad), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := entries[0].Collector.Collect(t.Context(), frame.NewSink(entries[0].Collector.Families())); err != nil {
		t.Fatal(err)
	}
	got, _ := Newest(entries[0].Collector)
	if got.Up || got.Since.IsZero() || len(got.Failed) != 1 || got.Failed[0].Name != "health" || got.Failed[0].Reason != got.Reason || got.Reason == "" {
		t.Errorf("got %+v", got)
	}
}

func TestNewest_isOfBricksOnly(t *testing.T) {
	if found, ok := Newest(stranger{}); ok {
		t.Errorf("another collector found %+v", found)
	}
}

type stranger struct{}

func (stranger) Name() string                               { return "stranger" }
func (stranger) Families() []*frame.Family                  { return nil }
func (stranger) Collect(context.Context, *frame.Sink) error { return nil }
