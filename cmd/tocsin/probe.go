package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"tocsin/probes"
)

// probeVerb looks once at a target and tells step by step what it found; at
// several it tells each in a line. Exit code 1 means that a target failed, 3
// that nothing can be said of one.
type probeVerb struct {
	siteFlag
	Targets []string `arg:"" optional:"" name:"target" help:"A URL, or the name of one of the site's probes; several are told in a line each. - reads more of them from the standard input, one a line."`
	All     bool     `help:"All of the site's probes."`
	JSON    bool     `name:"json" xor:"form" help:"Tell it to programs; several as a list."`
	Nagios  bool     `name:"nagios" xor:"form" help:"Tell it to Nagios and its like, as a plugin does: a line with numbers, exit code 0 to 3."`

	WarningDays  int `name:"warning-days" default:"21" help:"With --nagios: WARNING where a certificate has fewer days left."`
	CriticalDays int `name:"critical-days" default:"7" help:"With --nagios: CRITICAL where a certificate has fewer days left."`
}

// Help implements kong.HelpProvider.
func (v *probeVerb) Help() string {
	return "Exit codes: 0 all is well, 1 a target is not, 2 what was written is wrong, 3 it could not be measured; with --nagios 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."
}

// Run implements the verb.
func (v *probeVerb) Run(ctx context.Context, c *console) error {
	if v.Nagios {
		return v.nagios(ctx, c)
	}
	entries, opts, err := v.entries(c)
	if err != nil {
		return err
	}
	if len(entries) > 1 || v.All {
		return v.list(ctx, c, entries, opts)
	}
	result, err := probes.Run(ctx, entries[0], opts)
	if err != nil {
		return fmt.Errorf("%w: %w", errInput, err)
	}
	tell := func() error { return probes.WriteText(c.out, &result, c.colour()) }
	if v.JSON {
		tell = func() error { return probes.WriteJSON(c.out, &result) }
	}
	if err := tell(); err != nil {
		return err
	}
	return outcome(&result)
}

// outcome is what one look means for the exit code.
func outcome(r *probes.Result) error {
	switch {
	case r.Unmeasured != nil:
		return r.Unmeasured
	case !r.Success:
		return errFound
	}
	return nil
}

// nagios is Run as a plugin: all that can be said is one line on the standard
// output, and what cannot be measured, a wrong target among it, is UNKNOWN.
func (v *probeVerb) nagios(ctx context.Context, c *console) error {
	entries, opts, err := v.entries(c)
	if err == nil && (len(entries) > 1 || v.All) {
		err = fmt.Errorf("%w: a plugin looks at one target; make one check of each", errInput)
	}
	var result probes.Result
	if err == nil {
		result, err = probes.Run(ctx, entries[0], opts)
	}
	if err != nil {
		result = probes.Result{Target: cmp.Or(strings.Join(v.Targets, " "), "--all"), Unmeasured: err}
	}
	state, err := probes.WriteNagios(c.out, &result, probes.NagiosLimits{WarningDays: v.WarningDays, CriticalDays: v.CriticalDays})
	if err != nil || state == probes.NagiosOK {
		return err
	}
	return pluginState(state)
}
