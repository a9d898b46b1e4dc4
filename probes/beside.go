package probes

import (
	"context"
	"slices"
	"sync"
	"time"

	"tocsin/internal/frame"
	"tocsin/probes/probe"
	"tocsin/probes/protocol"
)

// A Beside is a collector of what is looked at beside a probe, less often and
// on the same page. It is a frame.Collector and a frame.Explainer.
type Beside struct {
	second *protocol.Second

	mu      sync.Mutex // guards explain
	explain string
}

// NewBeside makes the collector of what an entry of the site file wants looked
// at beside the probe, and says how often it is to run; nil for nothing. The
// entry has been validated.
func NewBeside(cfg Config, opts Options) (*Beside, time.Duration, error) {
	cfg.SetDefaults()
	second, err := cfg.beside(&opts)
	if err != nil || second == nil {
		return nil, 0, err
	}
	return &Beside{second: second}, second.Every, nil
}

func (c *Config) beside(o *Options) (*protocol.Second, error) {
	known, scheme := schemeOf(c.Target)
	if known == nil {
		return nil, nil //nolint:nilnil // the target is refused elsewhere
	}
	section, ok := known.section(c).(protocol.Beside)
	e := c.entry(scheme)
	if !ok || e == nil {
		return nil, nil //nolint:nilnil // nothing is looked at beside, and nothing wrong
	}
	c.equip(e, o)
	return section.Beside(e)
}

// Name implements frame.Collector.
func (b *Beside) Name() string { return b.second.Name }

// Families implements frame.Collector.
func (b *Beside) Families() []*frame.Family { return b.second.Families }

// Collect implements frame.Collector. Where the service does not answer there
// is nothing to tell, which is no failure of the collector: that the service
// is down is the probe's to say.
func (b *Beside) Collect(ctx context.Context, s *frame.Sink) error {
	r := b.second.Prober.Probe(ctx)
	if r.Unmeasured != nil {
		return r.Unmeasured
	}
	b.mu.Lock()
	b.explain = r.Explain()
	b.mu.Unlock()
	sent := 0
	for _, x := range b.own(&r) {
		s.Send(x.Family, x.Value, x.Labels...)
		sent++
	}
	if sent == 0 {
		return frame.ErrNoData
	}
	return nil
}

// own are the samples of a result that are told.
func (b *Beside) own(r *probe.Result) []probe.Sample {
	return slices.DeleteFunc(slices.Clone(r.Samples), func(x probe.Sample) bool { return !slices.Contains(b.second.Families, x.Family) })
}

// Explain implements frame.Explainer.
func (b *Beside) Explain() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.explain
}

// besideFault says what is wrong beside a service that may well be up.
func besideFault(found *Result) string {
	if found.Err != nil {
		return found.Err.Error()
	}
	return found.Explain()
}

// tellBeside adds what is looked at beside a probe to its result, for those
// who look once: the account, the numbers and the faults, never the verdict.
func (c *Config) tellBeside(ctx context.Context, o *Options, r *probe.Result) error {
	second, err := c.beside(o)
	if err != nil || second == nil || r.Unmeasured != nil {
		return err
	}
	b := &Beside{second: second}
	found := second.Prober.Probe(ctx)
	r.Samples = append(r.Samples, b.own(&found)...)
	r.Steps = append(r.Steps, probe.Step{Text: second.Said})
	for _, s := range found.Steps {
		s.Offset += found.Start.Sub(r.Start)
		r.Steps = append(r.Steps, s)
	}
	if text := found.Explain(); text != "" {
		r.Fault(besideFault(&found))
		r.Steps = append(r.Steps, probe.Step{Phase: probe.PhaseTransfer, Offset: time.Since(r.Start), Text: text, Failed: true})
	}
	r.Duration = time.Since(r.Start)
	return nil
}
