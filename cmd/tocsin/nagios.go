package main

import (
	"fmt"
	"strings"

	"tocsin/probes"
)

// pluginState is returned by a verb that has spoken as a plugin of Nagios.
type pluginState probes.NagiosState

// Error implements error.
func (s pluginState) Error() string { return probes.NagiosState(s).String() }

// isPlugin tells whether a command line that could not be understood is one of
// Nagios: our own exit code for it would be taken for CRITICAL.
func isPlugin(args []string) bool {
	verb := ""
	for _, arg := range args {
		switch {
		case arg == "--":
			return false
		case verb == "" && !strings.HasPrefix(arg, "-"):
			verb = arg
		case arg == "--nagios", arg == "--nagios=true":
			return verb == "probe"
		}
	}
	return false
}

// unknown says as a plugin that the command line was not understood.
func unknown(c *console, err error) error {
	if err := probes.WriteNagiosUnknown(c.out, fmt.Errorf("%w; see tocsin probe --help", err)); err != nil {
		return err
	}
	return pluginState(probes.NagiosUnknown)
}
