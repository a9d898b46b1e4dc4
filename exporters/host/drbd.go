//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"tocsin/internal/frame"
)

// drbdNumbers are the numbers of a DRBD device, by the letters that stand
// before them in /proc/drbd, in bytes for those that are in KiB there (The
// DRBD User's Guide 8.4, "Status information in /proc/drbd"). DRBD 9 has no
// such file.
var drbdNumbers = map[string]numberFile{
	"ns": drbdCounter("network_sent_bytes_total", 1./1024, "Data sent to the peer."),
	// In KiB too: node_exporter takes it for bytes, and dashboards know it so.
	"nr":  drbdCounter("network_received_bytes_total", 1, "Data received from the peer: in KiB, as node_exporter has it."),
	"dw":  drbdCounter("disk_written_bytes_total", 1./1024, "Data written to the local disk."),
	"dr":  drbdCounter("disk_read_bytes_total", 1./1024, "Data read from the local disk."),
	"al":  drbdCounter("activitylog_writes_total", 1, "Updates of the activity log."),
	"bm":  drbdCounter("bitmap_writes_total", 1, "Updates of the bitmap."),
	"lo":  drbdGauge("local_pending", 1, "Requests that the local disk has not answered yet."),
	"pe":  drbdGauge("remote_pending", 1, "Requests that the peer has not answered yet."),
	"ua":  drbdGauge("remote_unacknowledged", 1, "Requests of the peer that were not answered yet."),
	"ap":  drbdGauge("application_pending", 1, "Requests of programs that were not answered yet."),
	"ep":  drbdGauge("epochs", 1, "Epochs under way."),
	"oos": drbdGauge("out_of_sync_bytes", 1./1024, "Data that differs between the peers."),
}

// drbdPairs are words about this node and its peer, and the word that is well.
var drbdPairs = map[string]struct {
	family *frame.Family
	well   string
}{
	"ro": {drbdPair("node_role_is_primary", "Whether the node is the primary one."), "Primary"},
	"ds": {drbdPair("disk_state_is_up_to_date", "Whether the node's disk is up to date."), "UpToDate"},
}

var drbdConnected = &frame.Family{Name: "node_drbd_connected", Labels: []string{"device"}, Help: "Whether the peers are connected."}

func drbdCounter(name string, per float64, help string) numberFile {
	f := drbdGauge(name, per, help)
	f.family.Type = frame.Counter
	return f
}

func drbdGauge(name string, per float64, help string) numberFile {
	return numberFile{"", &frame.Family{Name: "node_drbd_" + name, Labels: []string{"device"}, Help: help}, per}
}

func drbdPair(name, help string) *frame.Family {
	return &frame.Family{Name: "node_drbd_" + name, Labels: []string{"device", "node"}, Help: help}
}

// drbd is the collector drbd.
type drbd struct{ roots *roots }

func newDRBD(r *roots) *drbd { return &drbd{roots: r} }

// Name implements frame.Collector.
func (c *drbd) Name() string { return "drbd" }

// Families implements frame.Collector.
func (c *drbd) Families() []*frame.Family {
	families := []*frame.Family{drbdConnected, drbdPairs["ro"].family, drbdPairs["ds"].family}
	for _, word := range slices.Sorted(maps.Keys(drbdNumbers)) {
		families = append(families, drbdNumbers[word].family)
	}
	return families
}

// Collect implements frame.Collector.
func (c *drbd) Collect(_ context.Context, s *frame.Sink) error {
	path := filepath.Join(c.roots.proc, "drbd")
	err := c.roots.read(path, func(content []byte) error { return sendDRBD(s, path, content) })
	if errors.Is(err, fs.ErrNotExist) {
		return frame.ErrNoData
	}
	return err
}

// sendDRBD reads, for each device, " 0: cs:Connected ro:Primary/Secondary ..."
// and "ns:0 nr:0 ..." in the next line.
func sendDRBD(s *frame.Sink, path string, content []byte) error {
	var errs []error
	device := ""
	for word := range bytes.FieldsSeq(content) {
		key, value, ok := bytes.Cut(word, []byte(":"))
		if !ok || bytes.IndexByte(value, ':') >= 0 {
			continue
		}
		if _, isNumber := number(key); isNumber && len(value) == 0 {
			device = "drbd" + string(key)
			continue
		}
		if device == "" {
			continue // the version
		}
		if !sendDRBDPair(s, device, string(key), value) {
			errs = append(errs, malformed(path, word))
		}
	}
	return errors.Join(errs...)
}

func sendDRBDPair(s *frame.Sink, device, key string, value []byte) (ok bool) {
	if n, known := drbdNumbers[key]; known {
		v, ok := number(value)
		if ok {
			s.Send(n.family, float64(v)/n.per, device)
		}
		return ok
	}
	if p, known := drbdPairs[key]; known {
		local, remote, ok := bytes.Cut(value, []byte("/"))
		if ok {
			s.Send(p.family, truth(string(local) == p.well), device, "local")
			s.Send(p.family, truth(string(remote) == p.well), device, "remote")
		}
		return ok
	}
	if key == "cs" {
		s.Send(drbdConnected, truth(string(value) == "Connected"), device)
	}
	return true
}
