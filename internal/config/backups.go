package config

import (
	"strings"

	"tocsin/internal/strict"
)

// Coverage tells for all that a backup could cover whether one does: this
// machine and the other hosts, the PostgreSQL servers and the bricks of the
// file, and whatever its backups name. A host's backup covers the bricks on
// it, and not its database servers: their files, copied while they run, are no
// backup. It is empty where the file names no backups.
//
// Names are the same all over the site, so that the backup that one machine
// looks at can cover what another one has: of a server, its instance.
func (s *Site) Coverage() map[string]bool {
	if len(s.Backups) == 0 {
		return nil
	}
	covered := map[string]bool{}
	for _, b := range s.Backups {
		for _, what := range b.Covers {
			covered[s.siteWide(what)] = true
		}
	}
	expect := func(what, or string) { covered[what] = covered[what] || covered[or] }
	expect("host/"+s.HostName(), "")
	if !s.Engine.Off {
		for _, h := range s.Hosts {
			expect("host/"+h.Name, "")
		}
	}
	for _, t := range s.Postgres {
		expect("postgres/"+t.Instance, "")
	}
	for _, b := range s.Bricks {
		expect("brick/"+b.Name, "host/"+b.On)
	}
	return covered
}

// siteWide puts the instance of a server in place of its name in this file.
func (s *Site) siteWide(what string) string {
	kind, rest, _ := strings.Cut(what, "/")
	name, database, _ := strings.Cut(rest, "/")
	if database != "" {
		database = "/" + database
	}
	for _, t := range s.Postgres {
		if kind == "postgres" && t.Name == name {
			return "postgres/" + t.Instance + database
		}
	}
	for _, t := range s.RabbitMQ {
		if kind == "rabbitmq" && t.Name == name {
			return "rabbitmq/" + t.Instance
		}
	}
	return what
}

// uncertainCovers finds what backups cover and this file does not have. It may
// be another machine's, so it is no fault; a slip would leave uncovered what
// was meant.
func (s *Site) uncertainCovers() []string {
	known := append(s.needable(), "host/"+s.HostName())
	for _, h := range s.Hosts {
		known = append(known, "host/"+h.Name)
	}
	var all []string
	for i, b := range s.Backups {
		for j, what := range b.Covers {
			if s.has(what, known) {
				continue
			}
			hint := "write it as the file has it, or leave it if another machine's file has it"
			if near := strict.Nearest(what, known); near != "" {
				hint = "did you mean " + near + "?"
			}
			all = append(all, index("backups", i)+"."+index("covers", j)+": "+quote(what)+" is not in this file; "+hint)
		}
	}
	return all
}

// has tells whether the file has what a backup covers, or whether another
// file has to.
func (s *Site) has(what string, known []string) bool {
	if strings.HasPrefix(what, "folder:") || strings.Contains(what, ":") || s.Engine.Off {
		return true
	}
	for _, k := range known {
		if what == k || strings.HasPrefix(k, "postgres/") && strings.HasPrefix(what, k+"/") {
			return true
		}
	}
	return false
}

// Hints says what a site might want and does not have. It is nothing to be
// mended.
func (s *Site) Hints() []string {
	if len(s.Backups) > 0 || s.Engine.Off || s.File() == "" {
		return nil
	}
	return []string{"backups: none is named, so that nobody is told when one is too old, cut off or missing; see the section backups of tocsin.example.yml"}
}
