package packages

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tocsin/internal/frame"
)

const (
	maxReboot   = 64 << 10 // bytes of the list of packages that want a reboot
	maxPackages = 20       // of them on the page
)

// stamp returns when a file was last written; false where there is none.
func stamp(path string) (time.Time, bool, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, false, nil
	}
	if err != nil {
		return time.Time{}, false, err
	}
	return info.ModTime(), true, nil
}

// sendStamps tells when apt's lists were fetched and what unattended-upgrades
// did.
func (c *collector) sendStamps(s *frame.Sink, config conf) error {
	var errs []error
	send := func(f *frame.Family, paths ...string) {
		for _, path := range paths {
			when, ok, err := stamp(filepath.Join(c.root, path))
			errs = append(errs, err)
			if ok {
				s.Send(f, seconds(when))
				return
			}
		}
	}
	// The choice is apt_info.py's. The first is written by update-notifier
	// after each successful update; the folder changes with each file that
	// is fetched, even by an update that fails.
	lists := []string{"var/lib/apt/lists/partial"}
	if config.is("apt::periodic::update-package-lists") {
		lists = append([]string{"var/lib/apt/periodic/update-success-stamp"}, lists...)
	}
	send(cacheTimestamp, lists...)

	if _, installed, err := stamp(filepath.Join(c.root, "usr/bin/unattended-upgrade")); err != nil {
		errs = append(errs, err)
	} else {
		s.Send(unattendedEnabled, truth(installed && config.unattended()))
	}
	// Its own stamp is written at the end of each run, apt's timer's after one
	// that succeeded (/usr/lib/apt/apt.systemd.daily).
	send(unattendedRun, "var/lib/apt/periodic/unattended-upgrades-stamp", "var/lib/apt/periodic/upgrade-stamp")
	return errors.Join(errs...)
}

// unattended tells whether apt's daily timer runs unattended-upgrades: the
// setting is an interval, whose 0 is never.
func (c conf) unattended() bool {
	on, set := c["apt::periodic::enable"]
	every := c["apt::periodic::unattended-upgrade"]
	return (!set || on != "0") && every != "" && strings.Trim(every, "0") != "" && !strings.HasPrefix(every, "0")
}

// sendReboot tells whether a reboot is due, since when and for what. The files
// are made by update-notifier, unattended-upgrades or reboot-notifier; where
// none of them is installed nobody makes them.
func (c *collector) sendReboot(s *frame.Sink) error {
	path := filepath.Join(c.root, "run/reboot-required")
	since, required, err := stamp(path)
	if err != nil {
		return err
	}
	s.Send(rebootRequired, truth(required))
	if !required {
		return nil
	}
	s.Send(rebootRequested, seconds(since))
	f, err := os.Open(path + ".pkgs")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	names := map[string]bool{}
	lines := bufio.NewScanner(io.LimitReader(f, maxReboot))
	for lines.Scan() {
		if name := strings.TrimSpace(lines.Text()); plainName().MatchString(name) {
			names[name] = true
		}
	}
	for i, name := range slices.Sorted(maps.Keys(names)) {
		if i == maxPackages {
			break
		}
		s.Send(rebootPackage, 1, name)
	}
	return lines.Err()
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
