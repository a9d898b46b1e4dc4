//go:build linux

package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"tocsin/internal/frame"
)

// sockstatLines are the lines of /proc/net/sockstat and sockstat6 with their
// numbers, as net/ipv4/proc.c and net/ipv6/proc.c write them.
const sockstatLines = `sockets:used
	TCP:inuse TCP:orphan TCP:tw TCP:alloc TCP:mem UDP:inuse UDP:mem UDPLITE:inuse RAW:inuse FRAG:inuse FRAG:memory
	TCP6:inuse UDP6:inuse UDPLITE6:inuse RAW6:inuse FRAG6:inuse FRAG6:memory`

// sockstatWords say what the numbers are.
var sockstatWords = map[string]string{
	"used":   "Sockets that are open, of all kinds.",
	"inuse":  "Sockets of that protocol that are in use; of FRAG, queues of fragments.",
	"orphan": "Sockets that no process holds any more.",
	"tw":     "Connections that wait for late packets (TIME-WAIT).",
	"alloc":  "Sockets allocated, in use or not.",
	"mem":    "Memory of their buffers, in pages.",
	"memory": "Memory of the fragments that wait, in bytes.",
}

// sockstat is the collector sockstat. It reads the files itself: procfs gives
// up all lines for one that it does not understand.
type sockstat struct {
	roots    *roots
	pageSize float64
	families map[string]*frame.Family // by line and word, as TCP:inuse
	bytes    map[string]*frame.Family // what is counted in pages, in bytes
}

func newSockstat(r *roots) *sockstat {
	c := &sockstat{
		roots: r, pageSize: float64(os.Getpagesize()),
		families: map[string]*frame.Family{}, bytes: map[string]*frame.Family{},
	}
	for key := range strings.FieldsSeq(sockstatLines) {
		line, word, _ := strings.Cut(key, ":")
		name := "node_sockstat_" + line + "_" + word
		c.families[key] = &frame.Family{Name: name, Help: sockstatWords[word]}
		if word == "mem" {
			c.bytes[key] = &frame.Family{Name: name + "_bytes", Help: "Memory of their buffers, in bytes."}
		}
	}
	return c
}

// Name implements frame.Collector.
func (c *sockstat) Name() string { return "sockstat" }

// Families implements frame.Collector.
func (c *sockstat) Families() []*frame.Family {
	var all []*frame.Family
	for _, families := range []map[string]*frame.Family{c.families, c.bytes} {
		for _, f := range families {
			all = append(all, f)
		}
	}
	return all
}

// Collect implements frame.Collector. Either file is missing where the
// protocol is turned off.
func (c *sockstat) Collect(_ context.Context, s *frame.Sink) error {
	sent := map[*frame.Family]bool{}
	four := present(c.file(s, sent, "net/sockstat"))
	six := present(c.file(s, sent, "net/sockstat6"))
	if errors.Is(four, frame.ErrNoData) {
		return six
	}
	if errors.Is(six, frame.ErrNoData) {
		return four
	}
	return errors.Join(four, six)
}

func (c *sockstat) file(s *frame.Sink, sent map[*frame.Family]bool, name string) error {
	path := filepath.Join(c.roots.proc, name)
	return c.roots.read(path, func(content []byte) error {
		var key [64]byte
		return eachLine(path, content, 0, func(line []byte) bool {
			protocol, rest := nextField(line)
			for len(rest) > 0 {
				var word, value []byte
				word, rest = nextField(rest)
				value, rest = nextField(rest)
				n, ok := number(value)
				if !ok {
					return false
				}
				k := append(append(key[:0], protocol...), word...)
				family := c.families[string(k)]
				if family == nil || sent[family] {
					continue
				}
				sent[family] = true
				s.Send(family, float64(n))
				if inBytes := c.bytes[string(k)]; inBytes != nil {
					s.Send(inBytes, float64(n)*c.pageSize)
				}
			}
			return true
		})
	})
}
