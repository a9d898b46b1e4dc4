package app

import (
	"strings"

	"tocsin/internal/frame"
	"tocsin/internal/web/status"
	"tocsin/probes"
)

// tellLooks adds to how a target of a probe stands what its newest look found,
// and the page that has it step by step.
func tellLooks(s *status.Target, t *frame.Target, l looker) {
	s.Page, _, _ = strings.Cut("probes/"+t.Spec().ID, "@")
	states := t.States()
	if s.State == status.Down {
		s.Detail = withoutPrefix(states[0].Error)
		return
	}
	newest, ok := l.Last()
	if !ok {
		return
	}
	var words []string
	if newest.Err != nil {
		s.Reason, words = string(newest.Reason), append(words, newest.Err.Error())
	} else {
		words = append(words, newest.Faults...)
	}
	if s.State == status.Good && len(newest.Faults) > 0 {
		s.State = status.Faulty
	}
	for _, beside := range states[1:] {
		if beside.Explain != "" {
			words = append(words, beside.Explain)
		}
	}
	s.Detail = strings.Join(words, "\n")
}

// withoutPrefix takes from an error what the state beside it says already.
func withoutPrefix(err string) string { return strings.TrimPrefix(err, "not measured: ") }

// probeNames are what the site calls its probes, by their targets.
func (g *generation) probeNames() map[*frame.Target]string {
	names := map[*frame.Target]string{}
	for i, cfg := range g.site.AllProbes() {
		for _, t := range g.probes[i] {
			names[t] = cfg.Name
		}
	}
	return names
}

// pageOf is the page of the probe that an alert is about; empty: it is about
// none.
func pageOf(targets []status.Target, alert map[string]string) string {
	for i := range targets {
		if t := &targets[i]; t.Page != "" && t.Job == alert["job"] && t.Instance == alert["instance"] {
			return t.Page
		}
	}
	return ""
}

// asides are what the collectors of a target leave alone on this machine.
func asides(t *frame.Target) []status.Gap {
	var all []status.Gap
	for _, s := range t.States() {
		if s.Aside != "" {
			all = append(all, status.Gap{What: t.Spec().Instance + ": " + s.Collector, Detail: s.Aside, Aside: true})
		}
	}
	return all
}

// stateOf is how a service stands by one look at it.
func stateOf(r *probes.Result) status.State {
	switch {
	case r.Unmeasured != nil:
		return status.Down
	case r.Success && len(r.Faults) > 0:
		return status.Faulty
	case r.Success:
		return status.Good
	default:
		return status.Trouble
	}
}
