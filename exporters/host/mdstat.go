//go:build linux

package host

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
)

// array is one software RAID as /proc/mdstat has it (md_seq_show in
// drivers/md/md.c of the kernel).
type array struct {
	name                   string
	state                  string // active, inactive, ... or what it is busy with: recovering, resyncing, checking, reshaping
	required, active       uint64 // disks
	failed, spare          int
	blocks, synced, toSync uint64 // of 1 KiB
}

// readArrays reads mdstat. With an error come the arrays that could be
// understood. procfs gives up all for one, and panics on a first line cut
// short.
func (r *roots) readArrays() ([]array, error) {
	path := filepath.Join(r.proc, "mdstat")
	var arrays []array
	err := r.read(path, func(content []byte) (err error) {
		arrays, err = parseMdstat(path, content)
		return err
	})
	return arrays, err
}

func parseMdstat(path string, content []byte) ([]array, error) {
	var arrays []array
	var errs []error
	var head []byte // the line that begins an array; the indented ones after it tell more
	var more [][]byte
	finish := func() {
		if head == nil {
			return
		}
		if a, ok := parseArray(head, more); ok {
			arrays = append(arrays, a)
		} else {
			errs = append(errs, malformed(path, bytes.Join(append([][]byte{head}, more...), []byte(" / "))))
		}
		head, more = nil, nil
	}
	for line := range bytes.Lines(content) {
		line = bytes.TrimRight(line, "\n")
		if len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
			more = append(more, line)
			continue
		}
		finish()
		if len(bytes.TrimSpace(line)) == 0 || bytes.HasPrefix(line, []byte("Personalities")) || bytes.HasPrefix(line, []byte("unused")) {
			continue
		}
		head = line
	}
	finish()
	return arrays, errors.Join(errs...)
}

// parseArray reads, for example,
//
//	md0 : active raid1 sdb1[1] sda1[0](F)
//	      1048512 blocks super 1.2 [2/1] [_U]
//	      [==>....]  recovery = 12.6% (132096/1048512) finish=1.5min speed=33440K/sec
func parseArray(head []byte, more [][]byte) (a array, ok bool) {
	fields := strings.Fields(valid(string(head)))
	if len(fields) < 3 || fields[1] != ":" || len(more) == 0 {
		return array{}, false
	}
	a.name, a.state = fields[0], fields[2]
	a.failed, a.spare = bytes.Count(head, []byte("(F)")), bytes.Count(head, []byte("(S)"))
	status := more[0]
	first, rest := nextField(status)
	if a.blocks, ok = number(first); !ok || !bytes.HasPrefix(bytes.TrimSpace(rest), []byte("blocks")) {
		return array{}, false
	}
	a.synced, a.toSync = a.blocks, a.blocks
	switch {
	case bytes.Contains(head, []byte("raid0")), bytes.Contains(head, []byte("linear")): // without counts of disks
		a.required = uint64(bytes.Count(head, []byte("[")))
		a.active = a.required
	case a.state == "inactive":
	default:
		if a.required, a.active, ok = diskCounts(rest); !ok {
			return array{}, false
		}
	}
	for _, line := range more[1:] {
		if !a.busy(line) {
			return array{}, false
		}
	}
	return a, true
}

// diskCounts finds the [2/1] of a line.
func diskCounts(line []byte) (required, active uint64, ok bool) {
	for {
		_, after, found := bytes.Cut(line, []byte("["))
		if !found {
			return 0, 0, false
		}
		inside, rest, _ := bytes.Cut(after, []byte("]"))
		if of, is, cut := bytes.Cut(inside, []byte("/")); cut {
			required, ok = number(of)
			active, cut = number(is)
			if ok && cut {
				return required, active, true
			}
		}
		line = rest
	}
}

// busy notes what a line says the array is working on; it is false when the
// line says that without saying how far.
func (a *array) busy(line []byte) (ok bool) {
	switch {
	case bytes.Contains(line, []byte("bitmap")):
		return true
	case bytes.Contains(line, []byte("recovery")):
		a.state = "recovering"
	case bytes.Contains(line, []byte("reshape")):
		a.state = "reshaping"
	case bytes.Contains(line, []byte("check")):
		a.state = "checking"
	case bytes.Contains(line, []byte("resync")):
		a.state = "resyncing"
	default:
		return true
	}
	if bytes.Contains(line, []byte("PENDING")) || bytes.Contains(line, []byte("DELAYED")) {
		a.synced = 0
		return true
	}
	_, after, _ := bytes.Cut(line, []byte("("))
	inside, _, _ := bytes.Cut(after, []byte(")"))
	done, all, _ := bytes.Cut(inside, []byte("/"))
	a.synced, ok = number(done)
	if ok {
		a.toSync, ok = number(all)
	}
	return ok
}
