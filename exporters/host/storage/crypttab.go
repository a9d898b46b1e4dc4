//go:build linux

package storage

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/frame"
)

var mappingOpen = &frame.Family{
	Name: "tocsin_host_luks_mapping_open", Labels: []string{"mapping"},
	Help: "Whether a crypt device of /etc/crypttab is open; those that are marked noauto are left out.",
}

// maxMappings bounds how many lines of crypttab are told of.
const maxMappings = 256

// crypttab compares /etc/crypttab with what is open.
func (c *Collector) crypttab(s *frame.Sink, mapped []mapping) error {
	path := filepath.Join(c.machine.Root, "etc/crypttab")
	content, err := read(path)
	if err != nil {
		return optional(err)
	}
	names, err := parseCrypttab(content)
	for _, name := range names {
		open := slices.ContainsFunc(mapped, func(m mapping) bool { return m.name == name && m.crypt() })
		s.Send(mappingOpen, truth(open), name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// parseCrypttab lists the mappings that are opened at the start, each once:
// lines of name, device, key file and options, as crypttab(5) has them.
func parseCrypttab(content string) ([]string, error) {
	var names []string
	for line := range strings.Lines(content) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) < 2 {
			return names, fmt.Errorf("malformed line %s", strconv.Quote(line[:min(len(line), 80)]))
		}
		if len(fields) > 3 && slices.Contains(strings.Split(fields[3], ","), "noauto") {
			continue
		}
		if len(names) == maxMappings {
			return names, fmt.Errorf("more than %d mappings", maxMappings)
		}
		if !slices.Contains(names, fields[0]) {
			names = append(names, fields[0])
		}
	}
	return names, nil
}
