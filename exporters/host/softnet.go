//go:build linux

package host

import (
	"context"
	"path/filepath"
	"strconv"

	"tocsin/internal/frame"
)

// softnetColumns are the columns of /proc/net/softnet_stat that are sent, by
// their place (net/core/net-procfs.c, softnet_seq_show).
var softnetColumns = []struct {
	column int
	family *frame.Family
}{
	{0, softnetCounter("processed_total", "Packets received and handled.")},
	{1, softnetCounter("dropped_total", "Packets dropped because the backlog was full.")},
	{2, softnetCounter("times_squeezed_total", "How often work was left over when its time or budget was spent.")},
	{8, softnetCounter("cpu_collision_total", "How often the lock for sending was held by another CPU.")},
	{9, softnetCounter("received_rps_total", "How often another CPU handed packets over to this one.")},
	{10, softnetCounter("flow_limit_count_total", "How often one flow filled too much of the backlog.")},
	{11, &frame.Family{Name: "node_softnet_backlog_len", Labels: []string{"cpu"}, Help: "Packets that wait in the backlog."}},
}

// Columns of /proc/net/softnet_stat: how many Linux 2.6.23 had, and where
// newer kernels have the CPU's number.
const (
	softnetFewest = 9
	softnetCPU    = 12
)

func softnetCounter(name, help string) *frame.Family {
	return &frame.Family{Name: "node_softnet_" + name, Type: frame.Counter, Labels: []string{"cpu"}, Help: help}
}

// softnet is the collector softnet. It reads the file itself: procfs gives up
// all CPUs for a line cut short, and writes a zero for what an older kernel
// does not have.
type softnet struct{ roots *roots }

func newSoftnet(r *roots) *softnet { return &softnet{roots: r} }

// Name implements frame.Collector.
func (c *softnet) Name() string { return "softnet" }

// Families implements frame.Collector.
func (c *softnet) Families() []*frame.Family {
	families := make([]*frame.Family, len(softnetColumns))
	for i, column := range softnetColumns {
		families[i] = column.family
	}
	return families
}

// Collect implements frame.Collector.
func (c *softnet) Collect(_ context.Context, s *frame.Sink) error {
	path := filepath.Join(c.roots.proc, "net/softnet_stat")
	return c.roots.read(path, func(content []byte) error {
		index := uint64(0)
		sent := map[uint64]bool{}
		return eachLine(path, content, 0, func(line []byte) bool {
			columns, ok := softnetLine(line)
			cpu := index // of an older kernel: offline CPUs have no line there either
			index++
			if len(columns) > softnetCPU {
				cpu = columns[softnetCPU]
			}
			if !ok || sent[cpu] {
				return false
			}
			sent[cpu] = true
			name := strconv.FormatUint(cpu, 10)
			for _, column := range softnetColumns {
				if column.column < len(columns) {
					s.Send(column.family, float64(columns[column.column]), name)
				}
			}
			return true
		})
	})
}

// softnetLine reads the columns of one CPU; those after its number are left.
func softnetLine(line []byte) ([]uint64, bool) {
	columns := make([]uint64, 0, softnetCPU+1)
	for len(line) > 0 && len(columns) <= softnetCPU {
		var field []byte
		field, line = nextField(line)
		n, ok := hexadecimal(field)
		if !ok {
			return nil, false
		}
		columns = append(columns, n)
	}
	return columns, len(columns) >= softnetFewest
}
