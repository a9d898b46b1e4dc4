package packages

import (
	"errors"
	"fmt"
	"os"

	"tocsin/internal/debian"
)

// An inventory has the installed packages, each with the versions of it that
// the lists offer.
type inventory struct {
	native string // the machine's own architecture
	byName map[string][]*pkg
	all    []*pkg
}

// A pkg is one installed package.
type pkg struct {
	name, arch string // arch is the native one for a package for all
	current    *version
	held       bool
	versions   []*version
}

// A version of a package, with the numbers of the sources that have it.
type version struct {
	text, arch string
	source     string // the source package's name; empty: the same
	phase      int    // for how many of 100 machines it is
	from       []int
}

// statusSource is the number of the source that dpkg's status is.
const statusSource = 0

// readInventory reads what is installed. What could be read comes with the
// error.
func readInventory(path string) (*inventory, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	list, err := debian.ReadStatus(f)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	in := &inventory{byName: make(map[string][]*pkg, len(list))}
	for _, p := range list {
		if p.Name == "dpkg" { // dpkg itself is always of the machine's architecture
			in.native = p.Arch
		}
	}
	if in.native == "" {
		return nil, errors.Join(err, fmt.Errorf("%s: dpkg itself is not among the installed packages", path))
	}
	for _, p := range list {
		installed := &pkg{name: p.Name, arch: in.archOf(p.Arch), held: p.Held}
		installed.current = installed.version([]byte(p.Version))
		installed.current.arch, installed.current.phase = p.Arch, 100
		installed.current.source, installed.current.from = p.Source, []int{statusSource}
		in.byName[p.Name] = append(in.byName[p.Name], installed)
		in.all = append(in.all, installed)
	}
	return in, err
}

// archOf counts a package for all architectures to the native one, as apt
// does.
func (in *inventory) archOf(arch string) string {
	if arch == "all" || arch == "" {
		return in.native
	}
	return arch
}

// find returns the installed package of that name and architecture, or nil.
func (in *inventory) find(name, arch []byte) *pkg {
	for _, p := range in.byName[string(name)] { // makes no string
		if string(arch) == p.arch || string(arch) == "all" && p.arch == in.native {
			return p
		}
	}
	return nil
}

// version returns the version of that text, which is added if it is new; nil
// where there are too many.
func (p *pkg) version(text []byte) *version {
	for _, v := range p.versions {
		if v.text == string(text) {
			return v
		}
	}
	if len(p.versions) >= maxVersions {
		return nil
	}
	v := &version{text: string(text)}
	p.versions = append(p.versions, v)
	return v
}
