package app

import (
	"slices"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/web/status"
	"tocsin/probes"
	"tocsin/probes/probe"
)

// looker is a collector that remembers its newest looks.
type looker interface {
	Last() (probes.Result, bool) // the newest that told something
	Looks() (newest []*probes.Result, failure *probes.Result)
}

// lookerOf is the collector of a target that looks from outside; nil for all
// other targets.
func lookerOf(t *frame.Target) looker {
	if all := t.Spec().Collectors; len(all) > 0 {
		l, _ := all[0].Collector.(looker)
		return l
	}
	return nil
}

// probePage tells what the newest looks of a probe found.
func (a *App) probePage(name string) (*status.Probe, bool) {
	g := a.current.Load()
	for i, cfg := range g.site.AllProbes() {
		if cfg.Slug() != name {
			continue
		}
		p := &status.Probe{
			Language: g.site.Language, Site: g.site.Site, Host: g.site.HostName(), Version: a.opts.Version,
			Now:  time.Now().In(g.site.Location()),
			Name: cfg.Name, Instance: cfg.Instance(), Told: cfg.Told(), Every: time.Duration(cfg.Interval),
			Closed: cfg.MustBeClosed(),
		}
		for _, t := range g.probes[i] {
			if l := lookerOf(t); l != nil {
				here := place(t.Spec().Labels["from"], l)
				tellBeside(&here, t)
				if state := t.States()[0]; state.Reason != "" {
					here.Blind = state.FailedSince
				}
				p.Places = append(p.Places, here)
			}
		}
		return p, true
	}
	return nil, false
}

// tellBeside adds what was found less often, beside the probe, to its newest
// look, where that went well.
func tellBeside(p *status.Place, t *frame.Target) {
	if len(p.Looks) == 0 || p.Looks[0].State != status.Good && p.Looks[0].State != status.Faulty {
		return
	}
	for _, e := range t.Spec().Collectors[1:] {
		if b, ok := e.Collector.(*probes.Beside); ok {
			if text := b.Explain(); text != "" {
				p.Looks[0].Faults = append(slices.Clip(p.Looks[0].Faults), text)
				p.Looks[0].State = status.Faulty
			}
		}
	}
}

func place(name string, l looker) status.Place {
	newest, failure := l.Looks()
	p := status.Place{Name: name}
	for _, r := range newest {
		if failure != nil && r.Start.Equal(failure.Start) {
			failure = nil // it is on the list
		}
		p.Looks = append(p.Looks, look(r))
	}
	if failure != nil {
		shown := look(failure)
		p.Failure = &shown
	}
	return p
}

func look(r *probes.Result) status.Look {
	l := status.Look{At: r.Start, Duration: r.Duration, State: stateOf(r), Phase: string(r.Phase), Faults: r.Faults}
	switch {
	case r.Unmeasured != nil:
		l.Detail = withoutPrefix(r.Unmeasured.Error())
	case !r.Success:
		l.Reason, l.Meaning = string(r.Reason), r.Reason.Meaning()
		if r.Err != nil {
			l.Detail = r.Err.Error()
		}
	}
	for _, s := range r.Steps {
		l.Steps = append(l.Steps, status.Step{Phase: string(s.Phase), Offset: s.Offset, Duration: s.Duration, Text: s.Text, Failed: s.Failed})
	}
	for i := range r.Hops {
		if shown := r.Hops[i].Shown(); shown != nil {
			l.Servers = append(l.Servers, shownServer(&r.Hops[i], shown))
		}
	}
	return l
}

// shownServer is what one server on the way showed of itself.
func shownServer(h *probe.Hop, t *probe.Handshake) status.Server {
	s := status.Server{Name: h.Host}
	if h.Address.IsValid() {
		s.Address = h.Address.String()
	}
	if t.Cipher != "" {
		s.TLS = t.Version + ", " + t.Cipher
	}
	for _, p := range t.Problems {
		s.Problems = append(s.Problems, p.Text)
	}
	if t.ChainExpiry != nil {
		s.ChainEnds = *t.ChainExpiry
	}
	for _, d := range t.Certificates {
		s.Certificates = append(s.Certificates, status.Shown{
			Subject: d.Subject, Issuer: d.Issuer, Serial: d.Serial, Key: d.Key, SignedBy: d.SignedBy, Fingerprint: d.SHA256,
			Names: d.Names, NotBefore: d.NotBefore, NotAfter: d.NotAfter,
		})
	}
	return s
}
