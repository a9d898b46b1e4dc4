package debian

import (
	"io"
	"strings"
)

// A Package is one that dpkg knows to be on the machine.
type Package struct {
	Name, Version, Arch string
	Source              string // the source package's name; empty: the same
	// State is installed, or a state on the way there or away: half-installed,
	// unpacked, half-configured, triggers-awaited, triggers-pending.
	State string
	Held  bool // the administrator forbids that apt changes it
}

// ReadStatus reads dpkg's status file (dpkg(1), "Package states"). A package
// that was removed and has left its configuration is not on the machine. What
// could be read comes with the error.
func ReadStatus(r io.Reader) ([]Package, error) {
	var all []Package
	in := NewScanner(r, "Package", "Status", "Version", "Architecture", "Source")
	for in.Scan() {
		words := strings.Fields(in.Text(1)) // what is wanted, whether an error stands in the way, what is
		if len(words) != 3 || words[2] == "not-installed" || words[2] == "config-files" {
			continue
		}
		p := Package{Name: in.Text(0), Version: in.Text(2), Arch: in.Text(3), State: words[2], Held: words[0] == "hold"}
		p.Source, _, _ = strings.Cut(in.Text(4), " ") // its version may follow
		if p.Name != "" && p.Version != "" {
			all = append(all, p)
		}
	}
	return all, in.Err()
}
