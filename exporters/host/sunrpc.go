//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"

	"tocsin/internal/frame"
)

// A rpcLine says what the numbers of one line of /proc/net/rpc/nfs or nfsd
// are, in their order.
type rpcLine struct {
	counted bool // the line tells first how many numbers follow
	atLeast int  // of which there must be so many
	values  []rpcValue
}

// An rpcValue is one number: where it is sent, or nowhere if family is nil.
type rpcValue struct {
	family *frame.Family
	labels []string
}

// rpcProcedures makes the line that counts the calls of one version of NFS,
// by the names of its procedures in their order; - stands for one that is not
// sent.
func rpcProcedures(family *frame.Family, version string, atLeast int, names string) rpcLine {
	line := rpcLine{counted: true, atLeast: atLeast}
	for name := range strings.FieldsSeq(names) {
		value := rpcValue{}
		if name != "-" {
			value = rpcValue{family: family, labels: []string{version, name}}
		}
		line.values = append(line.values, value)
	}
	return line
}

// sunrpc is a collector of the kernel's statistics of NFS, of the client (nfs)
// or of the server (nfsd): net/sunrpc/stats.c writes both, fs/nfsd/stats.c the
// rest. It reads the file itself: procfs gives up all lines for one that it
// does not know, and writes a zero for each that is missing.
type sunrpc struct {
	roots    *roots
	name     string
	lines    map[string]rpcLine
	families []*frame.Family
}

func newSunRPC(r *roots, name string, lines map[string]rpcLine) *sunrpc {
	c := &sunrpc{roots: r, name: name, lines: lines}
	known := map[*frame.Family]bool{nil: true}
	for _, line := range lines {
		for _, v := range line.values {
			if !known[v.family] {
				known[v.family] = true
				c.families = append(c.families, v.family)
			}
		}
	}
	return c
}

// Name implements frame.Collector.
func (c *sunrpc) Name() string { return c.name }

// Families implements frame.Collector.
func (c *sunrpc) Families() []*frame.Family { return c.families }

// Collect implements frame.Collector. Without NFS there is no file.
func (c *sunrpc) Collect(_ context.Context, s *frame.Sink) error {
	path := filepath.Join(c.roots.proc, "net/rpc", c.name)
	return present(c.roots.read(path, func(content []byte) error {
		if len(bytes.TrimSpace(content)) == 0 {
			return errors.New(path + ": nothing is in it")
		}
		sent := map[string]bool{}
		return eachLine(path, content, 0, func(line []byte) bool {
			word, rest := nextField(line)
			known, ok := c.lines[string(word)]
			if !ok {
				return isWord(word) // a newer kernel
			}
			if sent[string(word)] || !known.fits(rest) {
				return false
			}
			sent[string(word)] = true
			known.send(s, rest)
			return true
		})
	}))
}

// fits tells whether the line's numbers are all there.
func (l rpcLine) fits(numbers []byte) bool {
	wanted, atLeast := uint64(len(l.values)), uint64(len(l.values))
	if l.counted {
		var field []byte
		var ok bool
		field, numbers = nextField(numbers)
		if wanted, ok = number(field); !ok {
			return false
		}
		atLeast = uint64(l.atLeast)
	}
	have := uint64(0)
	for len(numbers) > 0 && (l.counted || have < wanted) {
		var field []byte
		field, numbers = nextField(numbers)
		if _, ok := number(field); !ok {
			return false
		}
		have++
	}
	return have == wanted && have >= atLeast
}

// send sends the numbers of a line that fits. Of an older kernel there are
// fewer than we know, of a newer one more.
func (l rpcLine) send(s *frame.Sink, numbers []byte) {
	if l.counted {
		_, numbers = nextField(numbers)
	}
	for _, v := range l.values {
		if len(numbers) == 0 {
			return
		}
		var field []byte
		field, numbers = nextField(numbers)
		if n, ok := number(field); ok && v.family != nil {
			s.Send(v.family, float64(n), v.labels...)
		}
	}
}
