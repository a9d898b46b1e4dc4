//go:build linux

package host

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"tocsin/internal/frame"
)

// bySpec are the folders of udev's links, by how fstab(5) can name a device.
var bySpec = map[string]string{"UUID": "by-uuid", "LABEL": "by-label", "PARTUUID": "by-partuuid", "PARTLABEL": "by-partlabel", "ID": "by-id"}

// An activeSwap is one that is on.
type activeSwap struct {
	names []string // all paths of it that are known
	whole bool     // there are no others
	taken bool     // it is that of a line of fstab
}

// sendSwaps compares the swaps of fstab with those that are on. One that none
// of them is known to be may still be one whose other names are not known.
func (c *mounts) sendSwaps(s *frame.Sink, swaps []fstabEntry) error {
	words := ""
	defer func() {
		c.mu.Lock()
		c.explain = words
		c.mu.Unlock()
	}()
	if len(swaps) == 0 {
		return nil
	}
	on, err := c.swapsOn()
	if err != nil {
		return err
	}
	if len(swaps) > maxMounts {
		err = fmt.Errorf("%d swaps are expected; the first %d are told", len(swaps), maxMounts)
		swaps = swaps[:maxMounts]
	}
	var missing []fstabEntry
	told := map[string]bool{}
	send := func(e fstabEntry, is bool) {
		by := byFstab
		if e.has("nofail") {
			by = byNofail
		}
		s.Send(swapOn, truth(is), valid(e.source), by)
	}
	for _, e := range swaps {
		if told[e.source] {
			continue
		}
		told[e.source] = true
		path := c.swapPath(e.source)
		if i := slices.IndexFunc(on, func(a activeSwap) bool { return slices.Contains(a.names, path) }); i >= 0 {
			on[i].taken = true
			send(e, true)
		} else {
			missing = append(missing, e)
		}
	}
	for _, e := range missing {
		if slices.ContainsFunc(on, func(a activeSwap) bool { return !a.whole && !a.taken }) {
			words = fmt.Sprintf("whether the swap %.100s is on is not detected: udev does not say how else those that are on are called", e.source)
			continue
		}
		send(e, false)
	}
	return err
}

// swapsOn returns the swaps that are on (proc(5), swaps), with the names that
// udev has given to them: in its hardened unit Tocsin does not see /dev.
func (c *mounts) swapsOn() ([]activeSwap, error) {
	path := filepath.Join(c.roots.proc, "swaps")
	var on []activeSwap
	err := c.roots.read(path, func(content []byte) error {
		return eachLine(path, content, 1, func(line []byte) bool {
			field, rest := nextField(line)
			name := unescape(field)
			a := activeSwap{names: []string{name}, whole: true}
			if device, ok := strings.CutPrefix(name, "/dev/"); ok {
				var links []string
				links, a.whole = c.deviceLinks(device)
				a.names = append(a.names, links...)
			}
			on = append(on, a)
			return len(rest) > 0
		})
	})
	if errors.Is(err, fs.ErrNotExist) { // a kernel without swap
		return nil, nil
	}
	return on, err
}

// deviceLinks returns the links below /dev that udev has made for a block
// device, and whether it knows the device at all.
func (c *mounts) deviceLinks(device string) (links []string, known bool) {
	var number string
	err := c.roots.read(filepath.Join(c.roots.sys, "class/block", filepath.Base(device), "dev"), func(content []byte) error {
		number = string(bytes.TrimSpace(content))
		return nil
	})
	if err != nil || strings.Trim(number, "0123456789:") != "" {
		return nil, false
	}
	err = c.roots.read(filepath.Join(c.roots.udev, "b"+number), func(content []byte) error {
		for line := range bytes.Lines(content) {
			if link, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("S:")); ok {
				links = append(links, "/dev/"+string(link))
			}
		}
		return nil
	})
	return links, err == nil
}

// swapPath returns the path of what a line of fstab names.
func (c *mounts) swapPath(source string) string {
	if tag, value, ok := strings.Cut(source, "="); ok && bySpec[tag] != "" {
		return filepath.Join("/dev/disk", bySpec[tag], udevName(strings.Trim(value, `"`)))
	}
	if filepath.IsAbs(source) && !strings.HasPrefix(source, "/dev/") {
		if found := c.resolve(source); found != "" {
			return found
		}
	}
	return filepath.Clean(source)
}

// udevName writes a label as udev does in the name of a link: what is neither
// a letter, a digit nor one of a few marks as \x20 (udev_device(3),
// encode_devnode_name).
func udevName(label string) string {
	var b strings.Builder
	for i := range len(label) {
		c := label[i]
		if c >= 0x80 || strings.IndexByte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789#+-.:=@_", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}
