//go:build linux

package host

import (
	"bytes"
	"context"
	"path/filepath"
	"strconv"

	"tocsin/internal/frame"
)

var buddyinfoBlocks = &frame.Family{
	Name: "node_buddyinfo_blocks", Labels: []string{"node", "zone", "size"},
	Help: "Free blocks of memory, each of 2 to the power of size pages.",
}

// buddyinfo is the collector buddyinfo (proc(5)).
type buddyinfo struct{ roots *roots }

func newBuddyinfo(r *roots) *buddyinfo { return &buddyinfo{roots: r} }

// Name implements frame.Collector.
func (c *buddyinfo) Name() string { return "buddyinfo" }

// Families implements frame.Collector.
func (c *buddyinfo) Families() []*frame.Family { return []*frame.Family{buddyinfoBlocks} }

// Collect implements frame.Collector.
func (c *buddyinfo) Collect(_ context.Context, s *frame.Sink) error {
	return c.roots.lines(filepath.Join(c.roots.proc, "buddyinfo"), func(line []byte) bool {
		node, zone, rest, ok := nodeZone(line)
		if !ok {
			return false
		}
		for size, field := range bytes.Fields(rest) {
			n, ok := number(field)
			if !ok {
				return false
			}
			s.Send(buddyinfoBlocks, float64(n), node, zone, strconv.Itoa(size))
		}
		return true
	})
}

// nodeZone reads the beginning of a line as: Node 0, zone   Normal   1 2 3.
func nodeZone(line []byte) (node, zone string, rest []byte, ok bool) {
	word, rest := nextField(line)
	number, rest := nextField(rest)
	word2, rest := nextField(rest)
	name, rest := nextField(rest)
	if string(word) != "Node" || string(word2) != "zone" || len(name) == 0 {
		return "", "", nil, false
	}
	return valid(string(bytes.TrimSuffix(number, []byte(",")))), valid(string(name)), rest, true
}
