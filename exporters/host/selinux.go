//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"tocsin/internal/frame"
)

var (
	selinuxEnabled = &frame.Family{Name: "node_selinux_enabled", Help: "Whether the kernel runs with SELinux."}
	selinuxConfig  = &frame.Family{Name: "node_selinux_config_mode", Help: "Mode that the machine is to start in: 1 enforcing, 0 permissive, -1 disabled."}
	selinuxCurrent = &frame.Family{Name: "node_selinux_current_mode", Help: "Mode that the kernel is in: 1 enforcing, 0 permissive."}
)

// selinuxModes are the words of /etc/selinux/config (selinux(8)).
var selinuxModes = map[string]float64{"enforcing": 1, "permissive": 0, "disabled": -1}

// selinux is the collector selinux.
type selinux struct {
	roots *roots
	root  string // of the machine
}

func newSelinux(r *roots, root string) *selinux { return &selinux{roots: r, root: root} }

// Name implements frame.Collector.
func (c *selinux) Name() string { return "selinux" }

// Families implements frame.Collector.
func (c *selinux) Families() []*frame.Family {
	return []*frame.Family{selinuxEnabled, selinuxConfig, selinuxCurrent}
}

// Collect implements frame.Collector.
func (c *selinux) Collect(_ context.Context, s *frame.Sink) error {
	err := c.roots.read(filepath.Join(c.roots.sys, "fs/selinux/enforce"), func(content []byte) error {
		mode, ok := number(bytes.TrimSpace(content))
		if !ok {
			return malformed("fs/selinux/enforce", content)
		}
		s.Send(selinuxEnabled, 1)
		s.Send(selinuxCurrent, float64(mode))
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		s.Send(selinuxEnabled, 0)
		return nil
	}
	return errors.Join(err, c.configured(s))
}

// configured sends the mode of the machine's next start, where it is said.
func (c *selinux) configured(s *frame.Sink) error {
	err := c.roots.lines(filepath.Join(c.root, "etc/selinux/config"), func(line []byte) bool {
		word, isMode := strings.CutPrefix(strings.TrimSpace(string(line)), "SELINUX=")
		if !isMode {
			return true
		}
		mode, known := selinuxModes[strings.ToLower(strings.TrimSpace(word))]
		if known {
			s.Send(selinuxConfig, mode)
		}
		return known
	})
	if errors.Is(err, frame.ErrNoData) {
		return nil
	}
	return err
}
