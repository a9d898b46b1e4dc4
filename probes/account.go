package probes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"tocsin/probes/probe"
)

// Colours of the account, as terminals know them.
const (
	plainText = ""
	red       = "\x1b[31m"
	green     = "\x1b[32m"
	yellow    = "\x1b[33m"
	bold      = "\x1b[1m"
	faint     = "\x1b[2m"
	reset     = "\x1b[0m"
)

// WriteText writes the account of a look for people: each step with its time,
// and what came of it. Colour is for terminals only.
func WriteText(w io.Writer, r *Result, colour bool) error {
	b := &bytes.Buffer{}
	paint := func(with, text string) string {
		if !colour || with == plainText {
			return text
		}
		return with + text + reset
	}
	for _, s := range r.Steps {
		if s.Phase == "" {
			fmt.Fprintf(b, "%s\n", paint(bold, s.Text))
			continue
		}
		how := plainText
		if s.Failed {
			how = red
		}
		phase := s.Phase
		if phase == probe.PhaseTransfer && s.Duration == 0 {
			phase = "" // a remark on what was read
		}
		fmt.Fprintf(b, "  %-10s %s  %s\n", phase, paint(faint, fmt.Sprintf("%9s", took(s.Duration))), paint(how, s.Text))
	}
	for i := range r.Hops {
		writeCertificates(b, &r.Hops[i], paint)
	}
	switch {
	case r.Unmeasured != nil:
		fmt.Fprintf(b, "%s %s\n", paint(yellow, "NOT MEASURED"), why(r.Unmeasured))
	case r.Success:
		if r.Closed {
			fmt.Fprintf(b, "%s: %s, after %s\n", paint(green, "UP"), r.Well(), took(r.Duration))
		} else {
			fmt.Fprintf(b, "%s after %s\n", paint(green, "UP"), took(r.Duration))
		}
		for _, fault := range r.Faults {
			fmt.Fprintf(b, "%s %s\n", paint(yellow, "but"), fault)
		}
	default:
		fmt.Fprintf(b, "%s after %s (%s): %s\n", paint(red, "DOWN"), took(r.Duration), r.Reason, r.Err)
		fmt.Fprintf(b, "%s\n", paint(faint, string(r.Reason)+" means: "+r.Reason.Meaning()))
	}
	_, err := w.Write(b.Bytes())
	return err
}

// why is an error that says "not measured" without these words, which stand
// before it.
func why(err error) string { return strings.TrimPrefix(err.Error(), "not measured: ") }

// writeCertificates lists what one server sent.
func writeCertificates(w *bytes.Buffer, h *probe.Hop, paint func(with, text string) string) {
	if h.TLS == nil {
		return
	}
	fmt.Fprintf(w, "%s\n", paint(bold, "certificates of "+h.Host))
	for i, c := range h.TLS.Certificates {
		d := probe.Describe(c)
		left := time.Until(c.NotAfter)
		how, when := plainText, probe.Count(int(left.Hours()/24), "day", "days")+" left"
		switch {
		case left < 0:
			how, when = red, "expired "+probe.Count(int(-left.Hours()/24), "day", "days")+" ago"
		case left < 21*24*time.Hour:
			how = yellow
		}
		fmt.Fprintf(w, "  %d. %s\n     by %s\n     %s to %s, %s; %s; sha256 %.16s…\n", i+1, d.Subject, d.Issuer,
			d.NotBefore.UTC().Format(time.DateOnly), d.NotAfter.UTC().Format(time.DateOnly), paint(how, when), d.Key, d.SHA256)
	}
	if end, ok := h.TLS.LastChainExpiry(); ok {
		fmt.Fprintf(w, "  the chain is good until %s\n", end.UTC().Format(time.DateOnly))
	}
}

// took says a duration in a width that lines up.
func took(d time.Duration) string {
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d == 0:
		return "" // a remark, which takes no time of its own
	default:
		return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
	}
}

// WriteLine writes a look as one line of a list.
func WriteLine(w io.Writer, r *Result, colour bool) error {
	state, with, text := "UP", green, ""
	days, host, served := leastDays(r)
	switch {
	case r.Unmeasured != nil:
		state, with, text = "?", yellow, "not measured: "+why(r.Unmeasured)
	case !r.Success:
		state, with, text = "DOWN", red, r.Explain()
	case len(r.Faults) > 0:
		with, text = yellow, "but "+strings.Join(r.Faults, "; ")
	case r.Closed:
		text = r.Well()
	case served:
		text = fmt.Sprintf("the certificate of %s has %.0f days left", host, math.Floor(days))
	}
	state = fmt.Sprintf("%-4s", state)
	if colour {
		state = with + state + reset
	}
	line := fmt.Sprintf("%s %9s  %s  %s", state, took(r.Duration), oneLine(called(r)), oneLine(text))
	_, err := fmt.Fprintln(w, strings.TrimRight(line, " "))
	return err
}

// called is how a line names a look: by the site's name for the probe, if it
// has one, and by the target.
func called(r *Result) string { return strings.TrimSpace(r.Name + " " + r.Target) }

// WriteJSON writes the account of a look, or of several, for programs.
func WriteJSON[T *Result | []Result](w io.Writer, looks T) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(looks)
}
