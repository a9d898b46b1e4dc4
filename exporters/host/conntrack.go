//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"tocsin/internal/frame"
)

var (
	conntrackEntries = &frame.Family{Name: "node_nf_conntrack_entries", Help: "Connections that the firewall keeps track of."}
	conntrackLimit   = &frame.Family{Name: "node_nf_conntrack_entries_limit", Help: "How many connections it can keep track of."}
)

// conntrackColumns are the columns of /proc/net/stat/nf_conntrack that are
// sent, by their headings.
var conntrackColumns = map[string]*frame.Family{
	"found":          conntrackStat("found", "Look-ups that found an entry."),
	"invalid":        conntrackStat("invalid", "Packets that could not be tracked."),
	"ignore":         conntrackStat("ignore", "Packets that belonged to an entry already."),
	"insert":         conntrackStat("insert", "Entries put into the table."),
	"insert_failed":  conntrackStat("insert_failed", "Entries that could not be put into the table."),
	"drop":           conntrackStat("drop", "Packets dropped because they could not be tracked."),
	"early_drop":     conntrackStat("early_drop", "Entries dropped to make room for new ones in a full table."),
	"search_restart": conntrackStat("search_restart", "Look-ups begun anew because the table was being resized."),
}

func conntrackStat(name, help string) *frame.Family {
	return &frame.Family{Name: "node_nf_conntrack_stat_" + name, Help: help}
}

// conntrack is the collector conntrack. It reads the files itself: procfs goes
// by the order of the columns, which kernels have changed, and not by their
// headings.
type conntrack struct{ roots *roots }

func newConntrack(r *roots) *conntrack { return &conntrack{roots: r} }

// Name implements frame.Collector.
func (c *conntrack) Name() string { return "conntrack" }

// Families implements frame.Collector.
func (c *conntrack) Families() []*frame.Family {
	families := []*frame.Family{conntrackEntries, conntrackLimit}
	for _, f := range conntrackColumns {
		families = append(families, f)
	}
	return families
}

// Collect implements frame.Collector.
func (c *conntrack) Collect(_ context.Context, s *frame.Sink) error {
	count := c.one(s, conntrackEntries, "sys/net/netfilter/nf_conntrack_count")
	if errors.Is(count, fs.ErrNotExist) {
		return frame.ErrNoData // the module is not loaded
	}
	limit := c.one(s, conntrackLimit, "sys/net/netfilter/nf_conntrack_max")
	path := filepath.Join(c.roots.proc, "net/stat/nf_conntrack")
	stats := c.roots.read(path, func(content []byte) error {
		heading, rest, _ := bytes.Cut(content, []byte("\n"))
		return conntrackSums(s, path, heading, rest)
	})
	return errors.Join(count, optional("conntrack", limit), optional("conntrack", stats)) // not all kernels have the two
}

func (c *conntrack) one(s *frame.Sink, family *frame.Family, file string) error {
	path := filepath.Join(c.roots.proc, file)
	return c.roots.read(path, func(content []byte) error {
		n, ok := number(bytes.TrimSpace(content))
		if !ok {
			return malformed(path, content)
		}
		s.Send(family, float64(n))
		return nil
	})
}

// conntrackSums sums each column up over the CPUs, a line each. A line that is
// not understood costs all: the sums would be too small.
func conntrackSums(s *frame.Sink, path string, heading, lines []byte) error {
	names := bytes.Fields(heading)
	sums := make([]uint64, len(names))
	cpus := 0
	err := eachLine(path, lines, 0, func(line []byte) bool {
		cpus++
		for i := range sums {
			var field []byte
			field, line = nextField(line)
			n, ok := hexadecimal(field)
			if !ok {
				return false
			}
			sums[i] += n
		}
		return true
	})
	if err != nil {
		return err
	}
	if cpus == 0 {
		return malformed(path, heading)
	}
	sent := map[string]bool{}
	for i, name := range names {
		family := conntrackColumns[string(name)]
		if family == nil || sent[family.Name] {
			continue // the first of two columns with one heading counts
		}
		sent[family.Name] = true
		s.Send(family, float64(sums[i]))
	}
	return nil
}
