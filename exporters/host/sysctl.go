//go:build linux

package host

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"tocsin/internal/frame"
	"tocsin/internal/lazy"
)

var sysctlInfo = &frame.Family{
	Name: "node_sysctl_info", Labels: []string{"name", "value", "index"},
	Help: "A kernel parameter as a text; always 1.",
}

// sysctl is the collector sysctl.
type sysctl struct {
	roots    *roots
	wanted   []parameter
	families []*frame.Family
}

// parameter is one that is sent: as texts where it has no families.
type parameter struct {
	name, path string
	one, many  *frame.Family   // for one value, or many without names
	named      []*frame.Family // for each value, in their order
}

func newSysctl(r *roots, cfg Sysctl) *sysctl {
	c := &sysctl{roots: r, families: []*frame.Family{sysctlInfo}}
	for _, name := range cfg.Texts {
		c.wanted = append(c.wanted, c.parameter(name))
	}
	for _, spec := range cfg.Numbers {
		name, fields, _ := strings.Cut(spec, ":")
		p := c.parameter(name)
		metric := "node_sysctl_" + notWord().ReplaceAllString(name, "_")
		if fields == "" {
			p.one = &frame.Family{Name: metric, Type: frame.Untyped, Help: "Kernel parameter " + name + "."}
			p.many = &frame.Family{Name: metric, Type: frame.Untyped, Labels: []string{"index"}, Help: p.one.Help}
			c.families = append(c.families, p.one)
		}
		for _, field := range strings.FieldsFunc(fields, func(r rune) bool { return r == ',' }) {
			f := &frame.Family{Name: metric + "_" + field, Type: frame.Untyped, Help: "Value " + field + " of the kernel parameter " + name + "."}
			p.named = append(p.named, f)
			c.families = append(c.families, f)
		}
		c.wanted = append(c.wanted, p)
	}
	return c
}

var notWord = lazy.Regexp(`[^a-zA-Z0-9_]`)

// parameter finds the file: dots are folders, unless slashes are (sysctl(8)).
func (c *sysctl) parameter(name string) parameter {
	path := name
	if !strings.Contains(name, "/") {
		path = strings.ReplaceAll(name, ".", "/")
	}
	return parameter{name: name, path: filepath.Join(c.roots.proc, "sys", path)}
}

// Name implements frame.Collector.
func (c *sysctl) Name() string { return "sysctl" }

// Families implements frame.Collector.
func (c *sysctl) Families() []*frame.Family { return c.families }

// Collect implements frame.Collector.
func (c *sysctl) Collect(_ context.Context, s *frame.Sink) error {
	if len(c.wanted) == 0 {
		return frame.ErrNoData
	}
	var errs []error
	for _, p := range c.wanted {
		errs = append(errs, c.roots.read(p.path, func(content []byte) error {
			return p.send(s, strings.Fields(string(content)))
		}))
	}
	return errors.Join(errs...)
}

func (p parameter) send(s *frame.Sink, values []string) error {
	if p.one == nil && p.named == nil {
		for i, v := range values {
			s.Send(sysctlInfo, 1, p.name, valid(v), strconv.Itoa(i))
		}
		return nil
	}
	if p.named != nil && len(p.named) != len(values) {
		return fmt.Errorf("kernel parameter %s has %d values, the site file names %d", p.name, len(values), len(p.named))
	}
	for i, v := range values {
		n, err := strconv.ParseInt(v, 10, 64)
		switch {
		case err != nil:
			return fmt.Errorf("kernel parameter %s: %.40q is no number; list it under texts", p.name, v)
		case p.named != nil:
			s.Send(p.named[i], float64(n))
		case len(values) == 1:
			s.Send(p.one, float64(n))
		default:
			s.Send(p.many, float64(n), strconv.Itoa(i))
		}
	}
	return nil
}
