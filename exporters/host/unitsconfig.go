package host

import (
	"path"
	"slices"
	"strings"

	"tocsin/internal/problem"
)

// Units says which units of systemd the collector units watches. Those that
// have failed it tells of in any case.
type Units struct {
	// Watch lists units that must be active, as nginx or `postgresql@*.service`:
	// names, or patterns with `*`, `?` and `[abc]`. A name without an ending is
	// a service's. A job (Type=oneshot) whose last run went well may be idle.
	Watch []string `yaml:"watch"`
	// OfBricks are the units of the bricks that run here, which are watched too.
	// They come from the bricks of the site file.
	OfBricks []BrickUnit `yaml:"-"`
}

// A BrickUnit is a unit, or a pattern of them, that a brick runs in.
type BrickUnit struct{ Unit, Brick string }

// Systemd says what the collector systemd sends, as node_exporter's options
// of that name do.
type Systemd struct {
	Units      Filter `yaml:"units"`       // ssh.service, ...
	Restarts   bool   `yaml:"restarts"`    // node_systemd_service_restart_total
	StartTimes bool   `yaml:"start_times"` // node_systemd_unit_start_time_seconds
	Tasks      bool   `yaml:"tasks"`       // node_systemd_unit_tasks_current and _max
}

// unitKinds are the endings of the names of units, as systemd.unit(5) has
// them.
var unitKinds = []string{
	".automount", ".device", ".mount", ".path", ".scope", ".service", ".slice", ".socket", ".swap", ".target", ".timer",
}

func (u Units) validate(p problem.List) {
	for i, name := range u.Watch {
		ValidateUnit(p.At("watch").Index(i), name)
	}
}

// ValidateUnit adds to p what is wrong with the name of a unit, or a pattern of
// such names.
func ValidateUnit(p problem.List, name string) {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@" // systemd.unit(5)
	_, err := path.Match(name, "")
	switch {
	case name == "" || len(name) > 255:
		p.Addf("%.40q is no unit: a name has 1 to 255 characters", name)
	case strings.Trim(name, allowed+"*?[]^!") != "":
		p.Addf("%q is no unit: names have letters, digits and :-_.\\@, patterns also * ? and [abc]", name)
	case err != nil:
		p.Addf("%q is no pattern: a [ has no ]", name)
	case strings.Contains(unitName(name), "@."):
		p.Addf("%q is a template, which never runs itself; write its instances, as %s", name, strings.Replace(unitName(name), "@.", "@*.", 1))
	}
}

// split returns the names that are watched, with their endings, and the
// patterns.
func (u Units) split() (names, patterns []string) {
	all := slices.Clone(u.Watch)
	for _, b := range u.OfBricks {
		all = append(all, b.Unit)
	}
	for _, name := range all {
		list := &names
		if isPattern(name) {
			list = &patterns
		}
		if name = unitName(name); !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
	}
	return names, patterns
}

// brick returns the brick that runs in a unit, the first of the site file if
// there are several; empty where none does.
func (u Units) brick(unit string) string {
	for _, b := range u.OfBricks {
		// To systemd a backslash is an ordinary character (FNM_NOESCAPE).
		pattern := strings.ReplaceAll(unitName(b.Unit), `\`, `\\`)
		if ok, _ := path.Match(pattern, unit); ok { // Validate has tried it
			return b.Brick
		}
	}
	return ""
}

func isPattern(name string) bool { return strings.ContainsAny(name, "*?[") }

// unitName adds to a name without an ending the one that systemctl adds too.
func unitName(name string) string {
	for _, kind := range unitKinds {
		if strings.HasSuffix(name, kind) || isPattern(name) {
			return name
		}
	}
	return name + ".service"
}
