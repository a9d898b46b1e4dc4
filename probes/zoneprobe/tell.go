package zoneprobe

import (
	"fmt"
	"strings"
	"time"

	"tocsin/probes/probe"
)

// tellParent writes what the parent says into the account.
func (l *look) tellParent(began time.Time) {
	d := l.delegation
	names := make([]string, len(d.servers))
	for i, name := range d.servers {
		names[i] = shown(name)
	}
	text := fmt.Sprintf("the zone above, %s, names %s", shown(d.parent), strings.Join(names, ", "))
	if d.covered {
		text = fmt.Sprintf("the servers of the zone above, %s, serve this one, too: %s", shown(d.parent), strings.Join(names, ", "))
	}
	l.result.Step(0, probe.PhaseResolve, began, false, text)
}

// tellServers writes what each server came to, as samples and steps.
func (l *look) tellServers() {
	r := l.result
	latest, different := newest(l.visits)
	if different > 0 {
		r.Send(distinct, float64(different))
	}
	names := map[string]bool{}
	for i := range l.visits {
		v := &l.visits[i]
		names[v.server] = true
		l.tellServer(v, latest)
	}
	r.Send(servers, float64(len(names)))
}

func (l *look) tellServer(v *visit, latest uint32) {
	r := l.result
	step := probe.Step{Phase: probe.PhaseProcessing, Offset: v.began.Sub(r.Start), Duration: v.took}
	defer func() { r.Steps = append(r.Steps, step) }()
	server, address := probe.Label(shown(v.server)), ""
	if v.address.IsValid() {
		address = v.address.String()
	}
	switch {
	case v.skipped:
		step.Text = v.call() + " was not asked: " + v.text
		return
	case v.problem != "":
		step.Failed, step.Text = true, v.call()+": "+v.text
		r.Faults = append(r.Faults, step.Text)
		r.Send(authoritative, 0, server, address)
		r.Send(serverProblem, 1, server, address, v.problem)
		return
	}
	late := latest - v.soa.Serial
	r.Send(authoritative, 1, server, address)
	r.Send(duration, v.took.Seconds(), server, address)
	r.Send(serial, float64(v.soa.Serial), server, address)
	r.Send(behind, float64(late), server, address)
	step.Text = fmt.Sprintf("%s has serial number %d", v.call(), v.soa.Serial)
	if late > 0 {
		step.Failed = true
		step.Text += fmt.Sprintf(", which is older than %d", latest)
		r.Faults = append(r.Faults, step.Text)
	}
}

// signaturesLeft is how long signatures must hold, as for the rule
// ZoneSignaturesExpiring.
const signaturesLeft = 2 * 24 * time.Hour

// tellSignature writes what became of a server's signatures.
func (l *look) tellSignature(v *visit) {
	r, server, address := l.result, probe.Label(shown(v.server)), v.address.String()
	r.Send(valid, truth(v.signed.problem == ""), server, address)
	if !v.signed.expiry.IsZero() {
		r.Send(signatureExpiry, float64(v.signed.expiry.Unix()), server, address)
	}
	if v.signed.problem != "" {
		r.Send(dnssecProblem, 1, server, address, v.signed.problem)
		text := v.call() + ": " + v.signed.text
		r.Step(0, probe.PhaseTransfer, time.Time{}, true, text)
		r.Faults = append(r.Faults, text)
		return
	}
	if left := time.Until(v.signed.expiry); left < signaturesLeft {
		r.Fault(fmt.Sprintf("%s: the signatures end in %.0f hours, and are to be made anew before", v.call(), left.Hours()))
	}
	r.Step(0, probe.PhaseTransfer, time.Time{}, false,
		fmt.Sprintf("%s has good signatures, until %s", v.call(), v.signed.expiry.UTC().Format("2006-01-02 15:04 UTC")))
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
