//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"tocsin/internal/frame"
)

// lnstatAny declares what the collector may send: the kernel decides on the
// names.
var lnstatAny = &frame.Family{
	Name: "node_lnstat_*", Type: frame.Counter, Labels: []string{"subsystem", "cpu"},
	Help: "A number of one of the network's caches and tables, by its heading in /proc/net/stat.",
}

// lnstat is the collector lnstat: the files of /proc/net/stat, which lnstat(8)
// prints. It reads them itself: procfs panics on a line that is longer than
// its headings. Most headings are counters; entries, which is how many there
// are now, is sent as one too, as node_exporter does.
type lnstat struct {
	roots *roots

	mu       sync.Mutex // guards families
	families map[string]*frame.Family
}

func newLnstat(r *roots) *lnstat { return &lnstat{roots: r, families: map[string]*frame.Family{}} }

// Name implements frame.Collector.
func (c *lnstat) Name() string { return "lnstat" }

// Families implements frame.Collector.
func (c *lnstat) Families() []*frame.Family { return []*frame.Family{lnstatAny} }

// Collect implements frame.Collector.
func (c *lnstat) Collect(_ context.Context, s *frame.Sink) error {
	folder := filepath.Join(c.roots.proc, "net/stat")
	files, err := os.ReadDir(folder)
	errs := []error{present(err)}
	for _, file := range files {
		path := filepath.Join(folder, file.Name())
		errs = append(errs, c.roots.read(path, func(content []byte) error {
			return c.table(s, path, valid(file.Name()), content)
		}))
	}
	return errors.Join(errs...)
}

// table sends one file: a line of headings, and then a line for each CPU.
func (c *lnstat) table(s *frame.Sink, path, subsystem string, content []byte) error {
	heading, lines, _ := bytes.Cut(content, []byte("\n"))
	families, ok := c.headings(heading)
	if !ok {
		return malformed(path, heading)
	}
	cpu := -1
	return eachLine(path, lines, 0, func(line []byte) bool {
		cpu++
		name := strconv.Itoa(cpu)
		for _, family := range families {
			var field []byte
			field, line = nextField(line)
			n, ok := hexadecimal(field)
			if !ok {
				return false
			}
			s.Send(family, float64(n), subsystem, name)
		}
		return len(line) == 0
	})
}

// headings returns the families of a line of headings, unless one of them is
// there twice or cannot be part of a name.
func (c *lnstat) headings(line []byte) ([]*frame.Family, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var families []*frame.Family
	seen := map[*frame.Family]bool{}
	for name := range bytes.FieldsSeq(line) {
		family := c.families[string(name)]
		if family == nil {
			if !isWord(name) || len(c.families) >= maxNetstat {
				return nil, false
			}
			family = &frame.Family{
				Name: "node_lnstat_" + string(name) + "_total", Type: frame.Counter, Labels: lnstatAny.Labels,
				Help: "What the files of /proc/net/stat have under the heading " + string(name) + ".",
			}
			c.families[string(name)] = family
		}
		if seen[family] {
			return nil, false
		}
		seen[family] = true
		families = append(families, family)
	}
	return families, len(families) > 0
}
