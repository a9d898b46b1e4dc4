package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"tocsin/probes"
)

// probeVerb looks once at a target and tells step by step what it found. Exit
// code 1 means that the target failed, 3 that nothing can be said of it.
type probeVerb struct {
	siteFlag
	Target string `arg:"" help:"A URL, or the name of one of the site's probes."`
	JSON   bool   `name:"json" xor:"form" help:"Tell it to programs."`
	Nagios bool   `name:"nagios" xor:"form" help:"Tell it to Nagios and its like, as a plugin does: a line with numbers, exit code 0 to 3."`

	WarningDays  int `name:"warning-days" default:"21" help:"With --nagios: WARNING where a certificate has fewer days left."`
	CriticalDays int `name:"critical-days" default:"7" help:"With --nagios: CRITICAL where a certificate has fewer days left."`
}

// Run implements the verb.
func (v *probeVerb) Run(ctx context.Context, c *console) error {
	if v.Nagios {
		return v.nagios(ctx, c)
	}
	entry, err := v.entry()
	if err != nil {
		return err
	}
	result, err := probes.Run(ctx, entry)
	if err != nil {
		return fmt.Errorf("%w: %w", errInput, err)
	}
	tell := func() error { return probes.WriteText(c.out, &result, c.colour()) }
	if v.JSON {
		tell = func() error { return probes.WriteJSON(c.out, &result) }
	}
	switch err := tell(); {
	case err != nil:
		return err
	case result.Unmeasured != nil:
		return result.Unmeasured
	case !result.Success:
		return errFound
	}
	return nil
}

// nagios is Run as a plugin: all that can be said is one line on the standard
// output, and what cannot be measured, a wrong target among it, is UNKNOWN.
func (v *probeVerb) nagios(ctx context.Context, c *console) error {
	entry, err := v.entry()
	var result probes.Result
	if err == nil {
		result, err = probes.Run(ctx, entry)
	}
	if err != nil {
		result = probes.Result{Target: v.Target, Unmeasured: err}
	}
	state, err := probes.WriteNagios(c.out, &result, probes.NagiosLimits{WarningDays: v.WarningDays, CriticalDays: v.CriticalDays})
	if err != nil || state == probes.NagiosOK {
		return err
	}
	return pluginState(state)
}

// pluginState is returned by a verb that has spoken as a plugin of Nagios.
type pluginState probes.NagiosState

// Error implements error.
func (s pluginState) Error() string { return probes.NagiosState(s).String() }

// entry finds what the site file says of the target. A URL that it does not
// know, or without a site file, is looked at as it is.
func (v *probeVerb) entry() (probes.Config, error) {
	isURL := strings.Contains(v.Target, "://")
	if isURL && v.Config == "" {
		return probes.Config{Target: v.Target}, nil
	}
	site, err := v.load()
	if err != nil {
		return probes.Config{}, err
	}
	var known []string
	for _, c := range site.Probes {
		if c.Target == v.Target || c.Slug() == v.Target {
			return c, nil
		}
		known = append(known, c.Slug())
	}
	switch {
	case isURL:
		return probes.Config{Target: v.Target}, nil
	case len(known) == 0:
		return probes.Config{}, fmt.Errorf("%w: the site has no probes; write a URL, as https://portail.ville.example", errInput)
	}
	return probes.Config{}, fmt.Errorf("%w: no probe of the site has this name; write a URL, or one of %s", errInput, strings.Join(known, ", "))
}

// colour tells whether people see colours: on a terminal, unless they asked
// not to.
func (c *console) colour() bool {
	f, ok := c.out.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
