package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/common/model"
)

// tryEnds is when a test alert ends by itself, should this process not end it.
const tryEnds = 5 * time.Minute

// Try sends an alert with these labels and annotations the whole way, and then
// its end: through grouping, silences and the voice. It tells each message
// that was delivered, and returns why one was not. The labels must be its own,
// so that it makes a group of its own.
func (e *Engine) Try(ctx context.Context, labels, annotations map[string]string, tell func(what string, took time.Duration)) error {
	a := &alert.Alert{UpdatedAt: e.stamp()}
	a.Labels, a.Annotations = set(labels), set(annotations)
	a.StartsAt, a.EndsAt = a.UpdatedAt, a.UpdatedAt.Add(tryEnds)
	said := make(chan error, 16)
	heard := e.receiver.wait(a.Fingerprint(), said)
	defer heard()

	end := func() {
		over := *a
		over.UpdatedAt = e.stamp()
		over.EndsAt = over.UpdatedAt
		if err := e.am.alerts.Put(context.WithoutCancel(ctx), &over); err != nil {
			e.log.Error("test alert could not be ended", "err", err)
		}
	}
	if err := e.am.alerts.Put(ctx, a); err != nil {
		return fmt.Errorf("test alert: %w", err)
	}
	for _, what := range []string{"alert", "its end"} {
		began := time.Now()
		if what == "its end" {
			end()
		}
		if err := e.awaitSaid(ctx, a, said); err != nil {
			end()
			return fmt.Errorf("%s: %w", what, err)
		}
		tell(what, time.Since(began))
	}
	return nil
}

// awaitSaid returns nil when the alert was said, and else why it was not. A
// voice that was given a pause after a failure is waited for.
func (e *Engine) awaitSaid(ctx context.Context, a *alert.Alert, said <-chan error) error {
	paused := false
	for {
		select {
		case err := <-said:
			if !errors.Is(err, errPaused) {
				return err
			}
			paused = true
		case <-ctx.Done():
			silenced, inhibited := e.am.muting(context.WithoutCancel(ctx), a.Labels)
			switch {
			case silenced != nil:
				return fmt.Errorf("it is silenced by %s (%s) until %s", silenced.By, silenced.Comment, silenced.Until.Format(time.RFC3339))
			case inhibited:
				return errors.New("it is muted, since this host is down")
			case paused:
				return fmt.Errorf("the voice is given a pause after it failed: %s", e.receiver.standing().Err)
			}
			return errors.New("nothing was said of it in time")
		}
	}
}

func set(labels map[string]string) model.LabelSet {
	out := model.LabelSet{}
	for k, v := range labels {
		out[model.LabelName(k)] = model.LabelValue(v)
	}
	return out
}
