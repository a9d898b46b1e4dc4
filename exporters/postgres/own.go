package postgres

import (
	"context"
	"fmt"
	"slices"

	"tocsin/exporters/postgres/custom"
	"tocsin/exporters/postgres/depth"
	"tocsin/internal/frame"
	"tocsin/internal/problem"
)

// Load reads the files of queries that the configuration names, and proves all
// queries. It connects to nobody. Warnings say what of them is left out.
func (c *Config) Load(p problem.List) (warnings []string) {
	c.plans, warnings = c.Own.Load(p, c.taken())
	return warnings
}

// taken tells which metrics the collectors of the configuration declare.
func (c *Config) taken() func(name string) bool {
	without := *c
	without.Own, without.plans = custom.Config{}, nil
	entries, err := New(without)
	if err != nil { // it is told elsewhere
		return func(string) bool { return false }
	}
	return func(name string) bool {
		return slices.ContainsFunc(entries, func(e frame.Entry) bool {
			return slices.ContainsFunc(e.Collector.Families(), func(f *frame.Family) bool { return f.Covers(name) })
		})
	}
}

// ownQueries returns the collectors of the site's own queries.
func (c *Config) ownQueries(source depth.Source) ([]frame.Entry, error) {
	if c.Own.IsZero() {
		return nil, nil
	}
	if c.plans == nil {
		p := problem.New()
		c.Own.Validate(p)
		c.Load(p)
		for _, found := range p.All() {
			return nil, fmt.Errorf("%s: %s", found.Path, found.Text)
		}
	}
	return custom.Collectors(c.plans, source, depth.Filter{Exclude: c.Depth.Databases.Exclude}.Chooser(), c.taken()), nil
}

// OwnFamilies lists what the site's own queries tell.
func (c *Config) OwnFamilies() []*frame.Family {
	var all []*frame.Family
	for _, p := range c.plans {
		all = append(all, p.Families()...)
	}
	return all
}

// Statements reads the statements that took most time of a server, with their
// texts, for a person who asks. It opens a connection of its own.
func Statements(ctx context.Context, cfg Config, n int) ([]depth.Statement, error) {
	s, err := newServer(cfg)
	if err != nil {
		return nil, err
	}
	defer s.hangUp()
	return depth.Statements(ctx, source{s}, n)
}
