package fallback

import (
	"context"
	"time"

	"tocsin/alerts"
)

// tellDown tells by the second voice, once, that the first does not work.
func (v *Voice) tellDown(ctx context.Context, why error) {
	v.telling.Lock()
	defer v.telling.Unlock()
	v.mu.Lock()
	known, now := !v.down.IsZero(), v.now()
	v.mu.Unlock()
	if known {
		return
	}
	v.log.Error("the first voice fails: alerts are said by the second", "voice", v.first.Name(),
		"second", v.second.Name(), "error", why)
	notice := v.notice(now, time.Time{}, why.Error())
	if _, err := v.second.Say(ctx, notice); err != nil {
		v.log.Error("the second voice fails too", "second", v.second.Name(), "error", err)
		return
	}
	v.mu.Lock()
	v.down = now
	v.mu.Unlock()
}

// back tells by the second voice, once, that the first works again: when it
// has said all that it missed.
func (v *Voice) back(ctx context.Context) {
	v.telling.Lock()
	defer v.telling.Unlock()
	v.mu.Lock()
	down, owing := v.down, v.owing
	v.mu.Unlock()
	if down.IsZero() || owing > 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), secondLimit)
	defer cancel()
	if _, err := v.second.Say(ctx, v.notice(down, v.now(), "")); err != nil {
		v.log.Warn("the second voice could not tell that the first is back", "second", v.second.Name(), "error", err)
		return
	}
	v.log.Info("the first voice works again", "voice", v.first.Name())
	v.mu.Lock()
	v.down = time.Time{}
	v.mu.Unlock()
}

// notice is what the second voice tells of the first.
func (v *Voice) notice(since, until time.Time, why string) alerts.Notification {
	n := alerts.Notification{
		Group:  "tocsin/voice/" + v.first.Name(),
		Labels: map[string]string{"alertname": "TocsinVoiceFailing"},
		Reason: alerts.First,
		At:     since,
		Alerts: []alerts.Alert{{
			Labels: map[string]string{
				"alertname": "TocsinVoiceFailing", "severity": alerts.Critical, "voice": v.first.Name(),
			},
			Annotations: map[string]string{
				"summary":    v.first.Name() + " does not take our messages: alerts come this way until it does",
				"summary_fr": v.first.Name() + " ne prend pas nos messages : les alertes arrivent par cette voie en attendant",
			},
			StartsAt: since,
			EndsAt:   until,
			Detail:   why,
		}},
	}
	if !until.IsZero() {
		n.At, n.Reason = until, alerts.AllSettled
	}
	return n
}
