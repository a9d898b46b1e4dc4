package host

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/problem"
)

func TestUnits_namesAndPatterns(t *testing.T) {
	u := Units{Watch: []string{"nginx", "ssh.service", "backup.timer", "php8.2-fpm", `dev-disk-by\x2duuid-1.swap`, "postgresql@*.service", "user@[0-9]*", "a?b"}}
	p := problem.New()
	u.validate(p)
	if all := p.All(); len(all) > 0 {
		t.Errorf("%v", all)
	}
	names, patterns := u.split()
	want := []string{"nginx.service", "ssh.service", "backup.timer", "php8.2-fpm.service", `dev-disk-by\x2duuid-1.swap`}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"postgresql@*.service", "user@[0-9]*", "a?b"}, patterns); diff != "" {
		t.Errorf("patterns (-want +got):\n%s", diff)
	}
}

func TestUnits_problems(t *testing.T) {
	cfg := Config{
		Units:   Units{Watch: []string{"", "a b.service", strings.Repeat("x", 300), "a[b", "getty@.service", "openvpn@"}},
		Systemd: Systemd{Units: Filter{Include: "("}},
	}
	cfg.SetDefaults()
	p := problem.New()
	cfg.Validate(p.At("host"))
	want := []problem.Problem{
		{Path: "host.units.watch[0]", Text: `"" is no unit: a name has 1 to 255 characters`},
		{Path: "host.units.watch[1]", Text: `"a b.service" is no unit: names have letters, digits and :-_.\@, patterns also * ? and [abc]`},
		{Path: "host.units.watch[2]", Text: `"` + strings.Repeat("x", 40) + `" is no unit: a name has 1 to 255 characters`},
		{Path: "host.units.watch[3]", Text: `"a[b" is no pattern: a [ has no ]`},
		{Path: "host.units.watch[4]", Text: `"getty@.service" is a template, which never runs itself; write its instances, as getty@*.service`},
		{Path: "host.units.watch[5]", Text: `"openvpn@" is a template, which never runs itself; write its instances, as openvpn@*.service`},
		{Path: "host.systemd.units.include", Text: "error parsing regexp: missing closing ): `(`; write a regular expression in RE2's syntax, as ^(lo|docker[0-9]+)$"},
	}
	if diff := cmp.Diff(want, p.All()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnits_defaultsAreNodeExporters(t *testing.T) {
	var cfg Config
	cfg.SetDefaults()
	f := newFilter(cfg.Systemd.Units, discard())
	for name, want := range map[string]bool{
		"ssh.service": true, "backup.timer": true, "dbus.socket": true, "dev-sda.swap": true, "multi-user.target": true, "x.path": true,
		"-.mount": false, "system.slice": false, "init.scope": false, "dev-sda.device": false, "proc-x.automount": false,
		"a.mount.service": true,
	} {
		if got := f.watches([]byte(name)); got != want {
			t.Errorf("%s is watched: %v, want %v", name, got, want)
		}
	}
}

func TestUnits_ofBricks(t *testing.T) {
	u := Units{Watch: []string{"nginx", "x-*.service"}, OfBricks: []BrickUnit{
		{"nginx", "site"}, {"wcs-*.service", "demarches"}, {"wcs-a.service", "other"}, {`odd@a\x2db`, "odd"},
	}}
	names, patterns := u.split()
	if want := []string{"nginx.service", "wcs-a.service", `odd@a\x2db.service`}; !slices.Equal(names, want) {
		t.Error(names)
	}
	if want := []string{"x-*.service", "wcs-*.service"}; !slices.Equal(patterns, want) {
		t.Error(patterns)
	}
	for unit, want := range map[string]string{"nginx.service": "site", "wcs-a.service": "demarches", "x-1.service": "", `odd@a\x2db.service`: "odd"} {
		if got := u.brick(unit); got != want {
			t.Errorf("%s is of %q", unit, got)
		}
	}
}
