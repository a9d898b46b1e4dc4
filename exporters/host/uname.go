//go:build linux

package host

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
)

var unameInfo = &frame.Family{
	Name: "node_uname_info", Labels: []string{"sysname", "release", "version", "machine", "nodename", "domainname"},
	Help: "What the kernel calls itself and the machine (uname); always 1.",
}

// uname is the collector uname: one system call. gopsutil has three of its
// six fields.
type uname struct{ ask func(*unix.Utsname) error }

func newUname(ask func(*unix.Utsname) error) *uname { return &uname{ask: ask} }

// Name implements frame.Collector.
func (c *uname) Name() string { return "uname" }

// Families implements frame.Collector.
func (c *uname) Families() []*frame.Family { return []*frame.Family{unameInfo} }

// Collect implements frame.Collector.
func (c *uname) Collect(_ context.Context, s *frame.Sink) error {
	var u unix.Utsname
	if err := c.ask(&u); err != nil {
		return fmt.Errorf("uname: %w", err)
	}
	text := func(b []byte) string { return valid(unix.ByteSliceToString(b)) }
	s.Send(unameInfo, 1, text(u.Sysname[:]), text(u.Release[:]), text(u.Version[:]),
		text(u.Machine[:]), text(u.Nodename[:]), text(u.Domainname[:]))
	return nil
}
