package probes

import (
	"fmt"
	"io"
	"strings"
	"time"

	"tocsin/probes/probe"
)

// A NagiosState is what a plugin's exit code says (Monitoring Plugins
// Development Guidelines, section 2).
type NagiosState int

// The states, by their exit codes.
const (
	NagiosOK NagiosState = iota
	NagiosWarning
	NagiosCritical
	NagiosUnknown
)

// String returns the state as the first word of a status line.
func (s NagiosState) String() string {
	switch s {
	case NagiosOK:
		return "OK"
	case NagiosWarning:
		return "WARNING"
	case NagiosCritical:
		return "CRITICAL"
	default:
		return "UNKNOWN"
	}
}

// NagiosLimits are how many days a certificate must have left.
type NagiosLimits struct{ WarningDays, CriticalDays int }

// WriteNagios writes a look as a plugin of Nagios does: one line with the state,
// why it is so, and after a bar the numbers, each with its unit and limits. A
// server that is up, but has a certificate that ends soon or another fault, is
// no longer OK.
func WriteNagios(w io.Writer, r *Result, limits NagiosLimits) (NagiosState, error) {
	state, text := NagiosOK, r.Well()+" after "+took(r.Duration)
	numbers := []string{fmt.Sprintf("time=%.6fs;;;0;%.3f", r.Duration.Seconds(), r.Timeout.Seconds())}
	phases := map[probe.Phase]time.Duration{}
	for i := range r.Hops {
		for phase, d := range r.Hops[i].Phases {
			phases[phase] += d
		}
	}
	for _, phase := range probe.Phases() {
		if d, ok := phases[phase]; ok {
			numbers = append(numbers, fmt.Sprintf("%s=%.6fs;;;0", phase, d.Seconds()))
		}
	}
	if days, host, ok := leastDays(r); ok {
		numbers = append(numbers, fmt.Sprintf("certificate_days=%.1f;%d:;%d:", days, limits.WarningDays, limits.CriticalDays))
		if days < float64(limits.WarningDays) {
			state, text = NagiosWarning, fmt.Sprintf("the certificate of %s has %.1f days left", host, days)
		}
		if days < float64(limits.CriticalDays) {
			state = NagiosCritical
		}
	}
	if len(r.Faults) > 0 && state == NagiosOK {
		state, text = NagiosWarning, r.Well()+", but "+strings.Join(r.Faults, "; ")
	}
	switch {
	case r.Unmeasured != nil:
		state, text = NagiosUnknown, "not measured: "+why(r.Unmeasured)
	case !r.Success:
		state, text = NagiosCritical, r.Explain()
	}
	_, err := fmt.Fprintf(w, "PROBE %s - %s: %s | %s\n", state, oneLine(r.Target), oneLine(text), strings.Join(numbers, " "))
	return state, err
}

// WriteNagiosUnknown writes as a plugin that nothing was looked at.
func WriteNagiosUnknown(w io.Writer, why error) error {
	_, err := fmt.Fprintf(w, "PROBE %s - %s\n", NagiosUnknown, oneLine(why.Error()))
	return err
}

// leastDays is how long the certificate that ends first is still good: of the
// best chain of each server, or of what it sent where none is good.
func leastDays(r *Result) (days float64, host string, ok bool) {
	for i := range r.Hops {
		h := &r.Hops[i]
		if h.TLS == nil || len(h.TLS.Certificates) == 0 {
			continue
		}
		end, good := h.TLS.LastChainExpiry()
		if !good {
			end = h.TLS.EarliestExpiry()
		}
		if left := end.Sub(r.Start).Hours() / 24; !ok || left < days {
			days, host, ok = left, h.Host, true
		}
	}
	return days, host, ok
}

// oneLine keeps what a server said from ending the line, or from being taken
// for its numbers.
func oneLine(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(text, "|", "/")), " ")
}
