//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"

	"tocsin/internal/frame"
)

// mountstats is the collector mountstats: what the NFS client did for each
// mount, from /proc/self/mountstats. It reads the file itself: procfs gives up
// all mounts for one line that it does not understand.
type mountstats struct{ roots *roots }

func newMountstats(r *roots) *mountstats { return &mountstats{roots: r} }

// Name implements frame.Collector.
func (c *mountstats) Name() string { return "mountstats" }

// Families implements frame.Collector.
func (c *mountstats) Families() []*frame.Family {
	families := []*frame.Family{mountPointInfo, mountAge}
	for _, list := range [][]mountNumber{mountBytes, mountEvents, mountTransport, mountOperation} {
		for _, n := range list {
			if n.family != nil {
				families = append(families, n.family)
			}
		}
	}
	return families
}

// Collect implements frame.Collector.
func (c *mountstats) Collect(_ context.Context, s *frame.Sink) error {
	addresses := map[string]string{}
	info := filepath.Join(c.roots.proc, "self/mountinfo")
	err := c.roots.read(info, func(content []byte) error {
		return eachLine(info, content, 0, func(line []byte) bool {
			m, ok := splitMount(line)
			if ok && isNFS(m.kind) {
				addresses[string(m.source)+" "+string(m.point)] = mountOption(m.super, "addr=")
			}
			return ok
		})
	})
	path := filepath.Join(c.roots.proc, "self/mountstats")
	stats := c.roots.read(path, func(content []byte) error {
		reader := mountReader{sink: s, addresses: addresses, points: map[mountLabels]bool{}, exports: map[mountLabels]bool{}}
		err := eachLine(path, content, 0, reader.line)
		reader.send()
		return err
	})
	if errors.Is(stats, fs.ErrNotExist) {
		return frame.ErrNoData // a kernel without NFS
	}
	return errors.Join(err, stats)
}

func isNFS(kind []byte) bool { return string(kind) == "nfs" || string(kind) == "nfs4" }

func mountOption(options []byte, name string) string {
	for option := range bytes.SplitSeq(options, []byte(",")) {
		if value, ok := bytes.CutPrefix(option, []byte(name)); ok {
			return valid(string(value))
		}
	}
	return ""
}

// mountLabels tell mounts apart; those of one export share their numbers.
type mountLabels struct{ export, protocol, address, point string }

// mountReader reads the lines of mountstats, and sends each NFS mount when
// its lines are over.
type mountReader struct {
	sink            *frame.Sink
	addresses       map[string]string
	points, exports map[mountLabels]bool // what was sent

	mount      mountLabels
	age        []float64
	bytes      []float64
	events     []float64
	transports []mountLine
	operations []mountLine
	inside     bool // an NFS mount
	perOp      bool // its operations
}

// mountLine is a line of numbers that has a name.
type mountLine struct {
	name    string
	numbers []float64
}

// line takes one line. The formats are fs/nfs/super.c's (nfs_show_stats) and
// net/sunrpc/stats.c's and xprtsock.c's.
func (r *mountReader) line(line []byte) bool {
	word, rest := nextField(line)
	if string(word) == "device" || string(word) == "no" { // no device mounted on ...
		r.send()
		return r.begin(line)
	}
	if !r.inside {
		return true
	}
	ok := true
	switch {
	case r.perOp:
		return r.named(&r.operations, bytes.TrimSuffix(word, []byte(":")), rest, len(mountOperation))
	case string(word) == "per-op":
		r.perOp = true
	case string(word) == "age:":
		r.age, ok = mountNumbers(rest, 1)
	case string(word) == "bytes:":
		r.bytes, ok = mountNumbers(rest, len(mountBytes))
	case string(word) == "events:":
		r.events, ok = mountNumbers(rest, len(mountEvents))
	case string(word) == "xprt:":
		word, rest = nextField(rest)
		columns, known := mountTransportColumns[string(word)]
		return known && r.named(&r.transports, word, rest, columns.atLeast)
	}
	return ok
}

// begin reads "device srv:/home mounted on /home with fstype nfs4 statvers=1.1".
func (r *mountReader) begin(line []byte) bool {
	var fields [8][]byte
	for i := range fields {
		fields[i], line = nextField(line)
	}
	*r = mountReader{sink: r.sink, addresses: r.addresses, points: r.points, exports: r.exports}
	if string(fields[0]) != "device" {
		return true
	}
	if len(fields[7]) == 0 || string(fields[6]) != "fstype" {
		return false
	}
	r.inside = isNFS(fields[7])
	r.mount = mountLabels{
		export: valid(string(fields[1])), point: valid(string(fields[4])),
		address: r.addresses[string(fields[1])+" "+string(fields[4])],
	}
	return true
}

// named keeps a line of at least so many numbers, if its name is a new one.
// Several transports may have the same.
func (r *mountReader) named(list *[]mountLine, name, rest []byte, atLeast int) bool {
	numbers, ok := mountNumbers(rest, atLeast)
	if !ok || len(name) == 0 {
		return false
	}
	for _, l := range *list {
		if list == &r.operations && l.name == string(name) {
			return false
		}
	}
	*list = append(*list, mountLine{name: valid(string(name)), numbers: numbers})
	return true
}

// mountNumbers reads at least so many numbers.
func mountNumbers(rest []byte, atLeast int) ([]float64, bool) {
	var numbers []float64
	for len(rest) > 0 {
		var field []byte
		field, rest = nextField(rest)
		n, ok := number(field)
		if !ok {
			return nil, false
		}
		numbers = append(numbers, float64(n))
	}
	return numbers, len(numbers) >= atLeast
}

// send sends the mount that was read. Its numbers are those of the export:
// they are sent once, under the protocol of its first connection.
func (r *mountReader) send() {
	for _, t := range r.transports {
		labels := r.mount
		labels.protocol = t.name
		if !r.points[labels] {
			r.points[labels] = true
			r.sink.Send(mountPointInfo, 1, labels.export, labels.protocol, labels.address, labels.point)
		}
		labels.point = ""
		if r.exports[labels] {
			break
		}
		r.exports[labels] = true
		r.numbers(labels.export, labels.protocol, labels.address)
	}
	r.inside = false
	r.transports = nil
}

func (r *mountReader) numbers(labels ...string) {
	if len(r.age) > 0 {
		r.sink.Send(mountAge, r.age[0], labels...)
	}
	r.list(mountBytes, r.bytes, labels...)
	r.list(mountEvents, r.events, labels...)
	for i, t := range r.transports {
		with := append(labels[:3:3], strconv.Itoa(i))
		columns := mountTransportColumns[t.name]
		for from, to := range columns.places {
			if n := mountTransport[to]; n.family != nil && from < len(t.numbers) {
				r.sink.Send(n.family, t.numbers[from], with...)
			}
		}
	}
	for _, o := range r.operations {
		r.list(mountOperation, o.numbers, append(labels[:3:3], o.name)...)
	}
}

func (r *mountReader) list(list []mountNumber, numbers []float64, labels ...string) {
	for i, n := range list {
		if n.family != nil && i < len(numbers) {
			r.sink.Send(n.family, numbers[i]*n.unit, labels...)
		}
	}
}
