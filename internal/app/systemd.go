package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// notifySystemd tells systemd that the service is up and, where the unit has
// WatchdogSec, that it is alive, as long as alive says so. Without systemd it
// does nothing. The function that it returns says that the service stops.
func notifySystemd(ctx context.Context, log *slog.Logger, alive func() bool) (stopping func()) {
	if ok, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		log.Warn("systemd could not be told that the service is ready", "err", err)
	} else if !ok {
		return func() {}
	}
	if period, err := daemon.SdWatchdogEnabled(false); err == nil && period > 0 {
		go func() {
			tick := time.NewTicker(period / 2)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				if alive() {
					_, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog)
				}
			}
		}()
	}
	return func() { _, _ = daemon.SdNotify(false, daemon.SdNotifyStopping) }
}
