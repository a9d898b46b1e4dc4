package engine

import (
	"context"
	"log/slog"
	"strings"
)

// warnOnly lets warnings and errors of the linked-in systems through. Their
// information is for those who run them as programs. Notifications that fail
// are left out too: they would be told at each attempt, and the receiver tells
// each change of state once; so is the lock that kill -9 leaves, which is usual
// here.
type warnOnly struct{ slog.Handler }

// Enabled implements slog.Handler.
func (w warnOnly) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (w warnOnly) Handle(ctx context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "Notify ") || strings.HasPrefix(r.Message, "A lockfile from") {
		return nil
	}
	return w.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (w warnOnly) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnOnly{w.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (w warnOnly) WithGroup(name string) slog.Handler { return warnOnly{w.Handler.WithGroup(name)} }
