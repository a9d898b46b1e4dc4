package config

import (
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/problem"
	"tocsin/internal/strict"
)

// names remembers where each name of one kind was first used.
type names map[string]string

// claim notes a name, and adds a problem when somebody has it already.
func (n names) claim(p problem.List, name, path string) {
	if first, ok := n[name]; ok && name != "" { // validate has said that it is missing
		p.Addf("%s is taken by %s already; choose another, or take one of the two away", quote(name), first)
		return
	}
	n[name] = path
}

// validateReferences adds what is wrong between the parts of the file: names
// used twice, and names of what does not exist.
func (s *Site) validateReferences(p problem.List) {
	s.uniqueNames(p)
	s.uniqueTargets(p)
	s.refuseCircles(p)
	s.deployments(p)
	s.places(p)
	known := s.needable()
	for i, b := range s.Bricks {
		for j, need := range b.Needs {
			at := p.At("bricks").Index(i).At("needs").Index(j)
			switch {
			case need == "brick/"+b.Name:
				at.Addf("a brick cannot need itself; take this away")
			case slices.Contains(known, need):
			case len(known) == 1: // only itself
				at.Addf("%s is not in this file; write it under postgres, rabbitmq or bricks first", quote(need))
			default:
				if near := strict.Nearest(need, known); near != "" {
					at.Addf("%s is not in this file; did you mean %s?", quote(need), near)
				} else {
					at.Addf("%s is not in this file; write one of %s", quote(need), strings.Join(known, ", "))
				}
			}
		}
	}
}

// deployments refuses projects that ask what is not in the file for the
// version that runs.
func (s *Site) deployments(p problem.List) {
	known := s.needable()
	for i, project := range s.Updates.Projects {
		at := p.At("updates").At("projects").Index(i).At("deployed_from")
		for _, from := range project.DeployedFrom {
			if s.tellsNoVersion(from) {
				at.Addf("%s has no url, and its version is told by its management API; write url there", quote(from))
				continue
			}
			if strings.HasPrefix(from, "package/") || slices.Contains(known, from) || !strings.Contains(from, "/") {
				continue
			}
			if near := strict.Nearest(from, known); near != "" {
				at.Addf("%s is not in this file; did you mean %s?", quote(from), near)
			} else {
				at.Addf("%s is not in this file; write it under postgres, rabbitmq or bricks first", quote(from))
			}
		}
	}
}

// tellsNoVersion tells whether this is a broker of which the plugin alone is
// asked.
func (s *Site) tellsNoVersion(from string) bool {
	for i := range s.RabbitMQ {
		if from == "rabbitmq/"+s.RabbitMQ[i].Name {
			return s.RabbitMQ[i].URL == ""
		}
	}
	return false
}

// needable lists what bricks can need.
func (s *Site) needable() []string {
	var known []string
	for _, t := range s.Postgres {
		known = append(known, "postgres/"+t.Name)
	}
	for _, t := range s.RabbitMQ {
		known = append(known, "rabbitmq/"+t.Name)
	}
	for _, b := range s.Bricks {
		known = append(known, "brick/"+b.Name)
	}
	return known
}

func (s *Site) uniqueNames(p problem.List) {
	names := map[string]names{"hosts": {}, "postgres": {}, "rabbitmq": {}, "bricks": {}}
	claim := func(section string, i int, name string) {
		names[section].claim(p.At(section).Index(i).At("name"), name, index(section, i))
	}
	for i, h := range s.Hosts {
		if h.Name == s.HostName() {
			p.At("hosts").Index(i).Addf("%s is this machine, which is watched anyway; take it away", quote(h.Name))
		}
		claim("hosts", i, h.Name)
	}
	for i, t := range s.Postgres {
		claim("postgres", i, t.Name)
	}
	for i, t := range s.RabbitMQ {
		claim("rabbitmq", i, t.Name)
	}
	for i, t := range s.Bricks {
		claim("bricks", i, t.Name)
	}
}

// target is what names a target over the whole site: its job and instance; and
// the place in the file that it comes from, with its name there.
type target struct {
	path, name, job, instance string
}

// targets lists all targets that the file makes, this machine first.
func (s *Site) targets() []target {
	job, instance := s.HostLabels()
	all := []target{{"this machine", s.HostName(), job, instance}}
	for i, h := range s.Hosts {
		all = append(all, target{index("hosts", i), h.Name, h.Job, h.Instance})
	}
	for i, t := range s.Postgres {
		all = append(all, target{index("postgres", i), t.Name, t.Job, t.Instance})
	}
	for i, t := range s.RabbitMQ {
		all = append(all, target{index("rabbitmq", i), t.Name, t.Job, t.Instance})
	}
	for i, t := range s.Bricks {
		all = append(all, target{index("bricks", i), t.Name, t.Job, t.Instance})
	}
	for i := range s.Probes {
		c := &s.Probes[i]
		all = append(all, target{index("probes", i), c.Slug(), c.Job, c.Instance()})
	}
	return all
}

// uniqueTargets refuses two targets of one job and instance: their series
// could not be told apart.
func (s *Site) uniqueTargets(p problem.List) {
	type label struct{ job, instance string }
	first := map[label]target{}
	for _, t := range s.targets() {
		l := label{t.job, t.instance}
		before, ok := first[l]
		switch {
		case !ok:
			first[l] = t
		case before.name == t.name, isProbe(t) && isProbe(before):
			// refused already, by name or by the list of probes
		default:
			p.At(t.path).Addf("has job %s and instance %s, as %s has; give one of them another instance", quote(t.job), quote(t.instance), before.path)
		}
	}
}

func isProbe(t target) bool { return strings.HasPrefix(t.path, "probes[") }

// suspicions finds what is possible, and probably not meant.
func (s *Site) suspicions() []string {
	var all []string
	watched := []string{s.HostName()}
	for _, h := range s.Hosts {
		watched = append(watched, h.Name)
	}
	on := func(path, name string) {
		if name == "" || slices.Contains(watched, name) {
			return
		}
		hint := "write it under hosts, or the name as it stands there"
		for _, w := range watched {
			if short, _, _ := strings.Cut(w, "."); short == name {
				hint = "did you mean " + w + "?"
			}
		}
		all = append(all, path+".on: "+quote(name)+" is no host that is watched, so that its trouble does not explain this one's; "+hint)
	}
	for i, b := range s.Bricks {
		on(index("bricks", i), b.On)
	}
	for i, c := range s.Probes {
		on(index("probes", i), c.On)
	}
	return all
}

func index(section string, i int) string { return section + "[" + strconv.Itoa(i) + "]" }
