package main

import (
	"context"
	"errors"
	"fmt"

	"tocsin/internal/app"
	"tocsin/internal/secret"
)

// notifyVerb is about the way in which alerts are told.
type notifyVerb struct {
	Test notifyTestVerb `cmd:"" help:"Send a test alert the whole way, then its end, and say what happened."`
}

// notifyTestVerb sends a test alert.
type notifyTestVerb struct {
	siteFlag
	Username     string `placeholder:"NAME" help:"A user of web.users_file who may write, where the running Tocsin asks."`
	PasswordFile string `placeholder:"FILE" help:"The file with that user's password."`
}

// Run implements the verb.
func (v *notifyTestVerb) Run(ctx context.Context, c *console) error {
	site, err := v.load()
	if err != nil {
		return err
	}
	err = app.TestAlert(ctx, site, app.Credentials{Username: v.Username, Password: secret.Source{File: v.PasswordFile}}, c.out)
	switch {
	case errors.Is(err, app.ErrConfig):
		return fmt.Errorf("%w: %w", errInput, err)
	case errors.Is(err, app.ErrNotDelivered):
		fmt.Fprintln(c.err, "tocsin:", err)
		return errFound
	}
	return err
}
