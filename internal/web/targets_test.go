package web

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/web/status"
)

func TestTargetStatus_followsTheCollectors(t *testing.T) {
	failing := func(name string) collector {
		return collector{name: name, collect: func(context.Context, *frame.Sink) error {
			return frame.Fail(frame.ReasonPermission, fs.ErrPermission)
		}}
	}
	fine := func(name string) collector { return constant(name, name+"_x", 1) }
	troubled := fine("probe")
	troubled.explain = func() string { return "tls_expired: it ended yesterday" }
	broken := failing("broken")
	broken.explain = func() string { return "nothing answers" }
	for name, c := range map[string]struct {
		collectors []collector
		want       status.State
		failures   int
		detail     string
	}{
		"all is fine":           {[]collector{fine("a"), fine("b")}, status.Good, 0, ""},
		"one of two fails":      {[]collector{fine("a"), failing("b")}, status.Partial, 1, ""},
		"all fail":              {[]collector{failing("a"), failing("b")}, status.Down, 2, ""},
		"it explains":           {[]collector{troubled}, status.Trouble, 0, "tls_expired: it ended yesterday"},
		"it explains and more":  {[]collector{troubled, failing("b")}, status.Trouble, 1, "tls_expired: it ended yesterday"},
		"it fails and explains": {[]collector{broken}, status.Down, 1, "nothing answers"},
	} {
		t.Run(name, func(t *testing.T) {
			tgt := target("brick", "b", c.collectors...)
			if before := TargetStatus(tgt); before.State != status.Unknown || before.Instance != "host1:b" || before.Job != "brick" {
				t.Errorf("before: %+v", before)
			}
			tgt.Gather(t.Context())
			got := TargetStatus(tgt)
			if got.State != c.want || len(got.Failures) != c.failures || got.Detail != c.detail {
				t.Errorf("got %+v", got)
			}
			if (c.failures > 0) != !got.Since.IsZero() {
				t.Errorf("since %v", got.Since)
			}
			for _, f := range got.Failures {
				if f.Reason != "permission" || f.Error == "" || f.Collector == "" {
					t.Errorf("failure %+v", f)
				}
			}
		})
	}
}

func TestTargetStatus_firstRunClaimsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := collector{name: "slow", collect: func(ctx context.Context, _ *frame.Sink) error {
			<-ctx.Done()
			return errors.New("too slow")
		}}
		tgt := target("brick", "b", slow)
		go tgt.Gather(t.Context())
		synctest.Wait()
		if got := TargetStatus(tgt); got.State != status.Unknown {
			t.Errorf("while the first run is under way: %+v", got)
		}
		time.Sleep(time.Minute) // of the fake clock
		if got := TargetStatus(tgt); got.State != status.Down {
			t.Errorf("after it: %+v", got)
		}
	})
}

func TestStatusPage_overHTTP(t *testing.T) {
	s := newSite(t, View{})
	s.status = Status{Language: "fr", Site: "<ville>", Now: time.Now(), Targets: []status.Target{{Job: "node", Instance: "a", State: status.Good}}}
	w := s.get("/")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if got := w.Header().Get("Content-Security-Policy"); got != s.Server.status.Policy() {
		t.Errorf("policy %q", got)
	}
	for _, want := range []string{`<html lang="fr">`, "Tout est mesuré", "&lt;ville&gt;"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}
