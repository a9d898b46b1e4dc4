package packages

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tocsin/internal/frame"
)

// Every is the collector's own clock.
const Every = 15 * time.Minute

var (
	upgradesPending = &frame.Family{
		Name: "apt_upgrades_pending", Labels: []string{"origin", "arch"},
		Help: "Packages of which apt knows a newer version, held ones among them; with empty labels: none.",
	}
	upgradesHeld = &frame.Family{
		Name: "apt_upgrades_held", Labels: []string{"origin", "arch"},
		Help: "Packages of which apt knows a newer version and which the administrator holds back; with empty labels: none.",
	}
	cacheTimestamp = &frame.Family{
		Name: "apt_package_cache_timestamp_seconds",
		Help: "When the lists of packages were last fetched, as far as apt says.",
	}
	rebootRequired = &frame.Family{
		Name: "node_reboot_required", Help: "Whether an upgrade has asked for a reboot (/run/reboot-required).",
	}
	rebootRequested = &frame.Family{
		Name: "tocsin_host_reboot_requested_timestamp_seconds", Help: "When an upgrade last asked for a reboot; absent while none is due.",
	}
	rebootPackage = &frame.Family{
		Name: "tocsin_host_reboot_required_package_info", Labels: []string{"package"},
		Help: "A package that asked for a reboot; 20 at most.",
	}
	securityPending = &frame.Family{
		Name: "tocsin_host_security_upgrades_pending", Labels: []string{"origin"},
		Help: "Packages that lack a security update, held ones among them, by the origin of the update; absent where no list has any.",
	}
	phasedPending = &frame.Family{
		Name: "tocsin_host_phased_upgrades_pending", Labels: []string{"origin", "arch"},
		Help: "Packages whose newer version Ubuntu gives to a part of all machines only, perhaps not yet to this one; not in apt_upgrades_pending.",
	}
	onHold = &frame.Family{
		Name: "tocsin_host_packages_held", Help: "Packages that the administrator holds back, with a newer version or without.",
	}
	listExpiry = &frame.Family{
		Name: "tocsin_host_package_list_expiry_timestamp_seconds", Labels: []string{"origin"},
		Help: "Until when the list of packages is valid, as its publisher says; after that no update was fetched for days.",
	}
	listsRead = &frame.Family{
		Name: "tocsin_host_package_lists", Help: "Lists of packages that were read whole; without any, nothing is known of upgrades.",
	}
	unattendedEnabled = &frame.Family{
		Name: "tocsin_host_unattended_upgrades_enabled", Help: "Whether unattended-upgrades is installed and apt's daily timer is to run it.",
	}
	unattendedRun = &frame.Family{
		Name: "tocsin_host_unattended_upgrades_last_run_timestamp_seconds", Help: "When unattended-upgrades last ran to its end; absent if it never did.",
	}
	staleProcesses = &frame.Family{
		Name: "tocsin_host_deleted_library_processes", Labels: []string{"unit"},
		Help: "Processes that run a program or library which an upgrade has replaced, by their unit of systemd (user.slice: in people's sessions; container, others, unknown); only of those that could be looked at.",
	}
	unreadProcesses = &frame.Family{
		Name: "tocsin_host_unread_processes",
		Help: "Processes that could not be looked at for replaced libraries: it takes root or CAP_SYS_PTRACE.",
	}
)

// collector is the collector packages.
type collector struct {
	root, proc string

	seen     string // the files' sizes and times when known was worked out
	known    *upgrades
	knownErr error
}

// New returns the collector of the machine whose files lie under root, and
// whose processes under proc.
func New(root, proc string) frame.Collector { return &collector{root: root, proc: proc} }

// Name implements frame.Collector.
func (c *collector) Name() string { return "packages" }

// Families implements frame.Collector.
func (c *collector) Families() []*frame.Family {
	return []*frame.Family{
		upgradesPending, upgradesHeld, cacheTimestamp, rebootRequired, rebootRequested, rebootPackage, securityPending, phasedPending,
		onHold, listsRead, listExpiry, unattendedEnabled, unattendedRun, staleProcesses, unreadProcesses,
	}
}

// Collect implements frame.Collector.
func (c *collector) Collect(ctx context.Context, s *frame.Sink) error {
	if !c.hasApt() {
		return frame.ErrNoData
	}
	u, err := c.upgrades(ctx)
	errs := []error{err}
	if u != nil {
		u.send(s)
		errs = append(errs, c.sendStamps(s, u.config))
	}
	errs = append(errs, c.sendReboot(s))

	found, err := readStale(ctx, c.proc)
	errs = append(errs, err)
	for unit, n := range found.units {
		s.Send(staleProcesses, float64(n), unit)
	}
	if found.looked+found.unread > 0 {
		s.Send(unreadProcesses, float64(found.unread))
	}
	return errors.Join(errs...)
}

// hasApt tells a machine of Debian's family from others; some have a dpkg
// beside their own packages.
func (c *collector) hasApt() bool {
	for _, path := range []string{"var/lib/dpkg/status", "var/lib/apt/lists"} {
		if _, err := os.Stat(filepath.Join(c.root, path)); errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	return true
}

// upgrades works them out anew when a file that they depend on has changed, or
// when one could not be read.
func (c *collector) upgrades(ctx context.Context) (*upgrades, error) {
	now := c.fingerprint()
	if c.known == nil || c.knownErr != nil || now != c.seen {
		u, err := readUpgrades(ctx, c.root)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		c.known, c.knownErr, c.seen = u, err, now
	}
	return c.known, c.knownErr
}

// fingerprint tells all files apart that the upgrades depend on, by name,
// size and time.
func (c *collector) fingerprint() string {
	var b strings.Builder
	note := func(path string, info fs.FileInfo, err error) {
		if err == nil {
			fmt.Fprintln(&b, path, info.Size(), info.ModTime().UnixNano())
		}
	}
	for _, name := range []string{"var/lib/dpkg/status", "etc/apt/apt.conf", "etc/apt/preferences"} {
		info, err := os.Stat(filepath.Join(c.root, name))
		note(name, info, err)
	}
	for _, name := range []string{"var/lib/apt/lists", "etc/apt/apt.conf.d", "etc/apt/preferences.d"} {
		entries, err := os.ReadDir(filepath.Join(c.root, name))
		if err != nil {
			continue // reading it will tell
		}
		for _, e := range entries {
			if !e.IsDir() { // lists/partial changes while apt fetches
				info, err := os.Stat(filepath.Join(c.root, name, e.Name()))
				note(e.Name(), info, err)
			}
		}
	}
	return b.String()
}

// send sends what is known: without lists that is nothing of upgrades, and not
// that there are none.
func (u *upgrades) send(s *frame.Sink) {
	s.Send(onHold, float64(u.onHold))
	s.Send(listsRead, float64(u.lists))
	if u.lists == 0 {
		return
	}
	sendCounts(s, upgradesPending, u.pending, true)
	sendCounts(s, upgradesHeld, u.held, true)
	sendCounts(s, phasedPending, u.phased, false)
	for name, n := range u.security {
		s.Send(securityPending, float64(n), valid(name))
	}
	for name, until := range u.expiry {
		s.Send(listExpiry, seconds(until), valid(name))
	}
}

// sendCounts sends numbers of packages by origin. As apt_info.py does it says
// none by empty labels.
func sendCounts(s *frame.Sink, f *frame.Family, counts map[origin]int, none bool) {
	if len(counts) == 0 && none {
		s.Send(f, 0, "", "")
	}
	for from, n := range counts {
		s.Send(f, float64(n), valid(from.name), valid(from.arch))
	}
}

// valid makes a label value of what may be any bytes.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
