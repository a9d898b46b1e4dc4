//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"time"

	"github.com/hashicorp/go-envparse"

	"tocsin/internal/frame"
	"tocsin/internal/lazy"
)

var (
	osInfo = &frame.Family{
		Name: "node_os_info",
		Labels: []string{
			"build_id", "id", "id_like", "image_id", "image_version", "name", "pretty_name",
			"variant", "variant_id", "version", "version_codename", "version_id",
		},
		Help: "What the operating system calls itself (os-release); always 1.",
	}
	osVersion    = &frame.Family{Name: "node_os_version", Labels: []string{"id", "id_like", "name"}, Help: "The first two numbers of the system's version, as one."}
	osSupportEnd = &frame.Family{Name: "node_os_support_end_timestamp_seconds", Help: "When the system's support ends, as it says itself, in seconds since 1970."}
)

// osFields are the variables of os-release(5) that osInfo's labels show.
var osFields = []string{
	"BUILD_ID", "ID", "ID_LIKE", "IMAGE_ID", "IMAGE_VERSION", "NAME", "PRETTY_NAME",
	"VARIANT", "VARIANT_ID", "VERSION", "VERSION_CODENAME", "VERSION_ID",
}

var majorMinor = lazy.Regexp(`^[0-9]+\.?[0-9]*`)

// osRelease is the collector os.
type osRelease struct {
	roots *roots
	root  string // of the machine
}

func newOSRelease(r *roots, root string) *osRelease { return &osRelease{roots: r, root: root} }

// Name implements frame.Collector.
func (c *osRelease) Name() string { return "os" }

// Families implements frame.Collector.
func (c *osRelease) Families() []*frame.Family {
	return []*frame.Family{osInfo, osVersion, osSupportEnd}
}

// Collect implements frame.Collector. The first of the two places that exists
// counts, as os-release(5) wants it.
func (c *osRelease) Collect(_ context.Context, s *frame.Sink) error {
	for _, place := range []string{"etc/os-release", "usr/lib/os-release"} {
		path := filepath.Join(c.root, place)
		err := c.roots.read(path, func(content []byte) error {
			env, err := envparse.Parse(bytes.NewReader(content))
			if err != nil {
				return fmt.Errorf("read %s: %w", path, err)
			}
			return sendOS(s, path, env)
		})
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return frame.ErrNoData
}

func sendOS(s *frame.Sink, path string, env map[string]string) error {
	values := make([]string, len(osFields))
	for i, field := range osFields {
		values[i] = valid(env[field])
	}
	s.Send(osInfo, 1, values...)
	if v, err := strconv.ParseFloat(majorMinor().FindString(env["VERSION_ID"]), 64); err == nil && v > 0 {
		s.Send(osVersion, v, valid(env["ID"]), valid(env["ID_LIKE"]), valid(env["NAME"]))
	}
	if env["SUPPORT_END"] == "" {
		return nil
	}
	end, err := time.Parse(time.DateOnly, env["SUPPORT_END"])
	if err != nil {
		return malformed(path, []byte("SUPPORT_END="+env["SUPPORT_END"]))
	}
	s.Send(osSupportEnd, float64(end.Unix()))
	return nil
}
