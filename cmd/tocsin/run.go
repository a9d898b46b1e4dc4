package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"tocsin/internal/app"
	"tocsin/internal/config"
)

// runVerb watches until it is told to stop.
type runVerb struct {
	siteFlag
	DataDir string `placeholder:"DIR" help:"Where measurements and alerts are kept; wins over data_dir."`
	Listen  string `placeholder:"ADDRESS" help:"Where to listen; wins over listen."`
	Debug   bool   `help:"Log more."`
}

// Run implements the verb.
func (v *runVerb) Run(ctx context.Context, c *console) error {
	level := slog.LevelInfo
	if v.Debug {
		level = slog.LevelDebug
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	reload := make(chan struct{})
	go forward(ctx, hangup, reload)
	err := app.Run(ctx, app.Options{
		ConfigFile: config.Find(v.Config), DataDir: v.DataDir, Listen: v.Listen, Version: version(),
		Log: slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: level})), Reload: reload,
		Started: func(page string) { fmt.Fprintf(c.out, "Tocsin watches. Look at %s , stop with Ctrl-C.\n", page) },
	})
	if errors.Is(err, app.ErrConfig) {
		return fmt.Errorf("%w: %w", errInput, err)
	}
	return err
}

// forward turns signals into requests for a reload, until ctx ends.
func forward(ctx context.Context, from <-chan os.Signal, to chan<- struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-from:
		}
		select {
		case <-ctx.Done():
			return
		case to <- struct{}{}:
		}
	}
}
