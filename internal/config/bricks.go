package config

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/prometheus/common/model"

	"tocsin/alerts/rules"
	"tocsin/bricks"
	"tocsin/exporters/brick"
	"tocsin/exporters/host"
	"tocsin/internal/problem"
	"tocsin/internal/secret"
	"tocsin/internal/strict"
	"tocsin/probes"
	"tocsin/probes/httpprobe"
	"tocsin/probes/tlscheck"
	"tocsin/updatewatch"
)

// Brick is a service of the site.
type Brick struct {
	// Kind is which service it is: wcs, etherpad, redis, ...
	Kind string `yaml:"kind"`
	// Name is what this one is called; its kind if left out.
	Name string `yaml:"name,omitempty"`
	// URL is where its users find it, or where it answers: `tocsin bricks show`
	// has an example for each kind.
	URL string `yaml:"url"`
	// On is the host that it runs on.
	On string `yaml:"on,omitempty"`
	// Units are the systemd units that it runs in on that host, as gunicorn or
	// `wcs-*.service`. The Tocsin there watches them, and tells of one that is
	// down with the brick's name; of several bricks in a unit the first is named.
	Units []string `yaml:"units,omitempty"`
	// Needs are what it cannot work without: postgres/NAME, rabbitmq/NAME or
	// brick/NAME.
	Needs []string `yaml:"needs,omitempty"`
	// CAFile has the authorities that its certificate comes from; the
	// system's if left out.
	CAFile string `yaml:"ca_file,omitempty"`
	// Requests says more about single requests of its kind, by their names.
	Requests map[string]BrickRequest `yaml:"requests,omitempty"`
	Common   `yaml:",inline"`
}

// BrickRequest is what a site says about one request of a brick.
type BrickRequest struct {
	// URL is where it is made, in place of the brick's own.
	URL string `yaml:"url,omitempty"`
	// Username and Password go with it, where its kind shows them.
	Username     string      `yaml:"username,omitempty"`
	Password     secret.Text `yaml:"password,omitempty"`
	PasswordFile string      `yaml:"password_file,omitempty"`
	// Token is shown in their place.
	Token     secret.Text `yaml:"token,omitempty"`
	TokenFile string      `yaml:"token_file,omitempty"`
	// Interval is how often it is made, in place of the kind's own.
	Interval model.Duration `yaml:"interval,omitempty"`
	// Off leaves the request out; nothing is told of what it would show.
	Off bool `yaml:"off,omitempty"`
}

// compose makes a brick of what the file says.
func (b *Brick) compose() bricks.Brick {
	out := bricks.Brick{
		Name: b.Name, Kind: b.Kind, URL: b.URL, On: b.On, Needs: b.Needs, Labels: b.Labels, CAFile: b.CAFile,
		Requests: map[string]bricks.Access{},
	}
	for name, r := range b.Requests {
		out.Requests[name] = bricks.Access{
			URL: r.URL, Username: r.Username, Interval: r.Interval, Off: r.Off,
			Password: secret.Source{Value: r.Password, File: r.PasswordFile}, Token: secret.Source{Value: r.Token, File: r.TokenFile},
		}
	}
	return out
}

func (b *Brick) validate(p problem.List) {
	if b.Kind == "" {
		p.At("kind").Addf("is missing; write which service it is, as etherpad")
	} else if !slug().MatchString(b.Kind) {
		p.At("kind").Addf("%s is no kind; write a word of small letters, digits, - and _, as etherpad", quote(b.Kind))
	}
	if b.Name != b.Kind {
		validateName(p.At("name"), b.Name)
	}
	validateBrickURL(p.At("url"), b.URL)
	for i, name := range b.Units {
		host.ValidateUnit(p.At("units").Index(i), name)
	}
	for _, name := range sortedKeys(b.Requests) {
		at, r := p.At("requests").At(name), b.Requests[name]
		twins(at, "password", r.Password, r.PasswordFile)
		twins(at, "token", r.Token, r.TokenFile)
		if r.Interval != 0 && (r.Interval < minRequestInterval || r.Interval > maxRequestInterval) {
			at.At("interval").Addf("%s is not between 5s and 24h", r.Interval)
		}
	}
	b.Common.validate(p)
}

const (
	minRequestInterval = model.Duration(5e9)
	maxRequestInterval = model.Duration(24 * 3600e9)
)

// validateBrickURL wants an address of any protocol that a brick can speak.
func validateBrickURL(p problem.List, text string) {
	u, err := url.Parse(text)
	switch {
	case text == "":
		p.Addf("is missing; write its URL, as https://pad.ville.example")
	case err != nil, u.Scheme == "", u.Hostname() == "" && u.Path == "",
		!slices.Contains([]string{"http", "https", "redis", "rediss", "unix", "tcp", "postgres", "postgresql"}, u.Scheme):
		p.Addf("is no URL; write one as https://pad.ville.example or redis://127.0.0.1:6379")
	case u.User != nil:
		p.Addf("has a user or a password in it; write them as username and password_file of a request")
	}
}

// loadKinds reads the site's own kinds beside the shipped ones, and holds each
// brick to its kind.
func (s *Site) loadKinds(p problem.List, folder string) {
	shipped, err := bricks.Load()
	if err != nil {
		p.At("bricks").Addf("the shipped kinds are broken: %v (this is a fault of Tocsin, please report it)", err)
		return
	}
	s.kinds = bricks.Merge(shipped, bricks.Read(p.At("kind_files"), folder, s.KindFiles))
	var names []string
	for _, k := range s.kinds {
		names = append(names, k.Name)
	}
	before := len(p.All())
	for i := range s.Bricks {
		at, b := p.At("bricks").Index(i), &s.Bricks[i]
		composed := b.compose()
		s.composed = append(s.composed, composed)
		kind, ok := bricks.Find(s.kinds, b.Kind)
		switch {
		case !slug().MatchString(b.Kind):
		case ok:
			composed.Validate(at, kind)
			if len(p.All()) == before {
				s.addProbe(b, kind)
			}
		default:
			hint := "write one of " + strings.Join(names, ", ") + ", or a kind of your own under kind_files"
			if near := strict.Nearest(b.Kind, names); near != "" {
				hint = "did you mean " + near + "?"
			}
			at.At("kind").Addf("%s is not known; %s", quote(b.Kind), hint)
		}
	}
	if len(p.All()) == before {
		s.followBricks(p)
	}
}

// followBricks adds the releases of bricks to what the file follows.
func (s *Site) followBricks(p problem.List) {
	s.updates = s.Updates
	s.updates.Projects = slices.Clone(s.Updates.Projects)
	s.unfollowed = s.updates.FollowBricks(s.kinds, s.composed)
	derived := updatewatch.Config{Projects: s.updates.Projects[len(s.Updates.Projects):]}
	derived.Validate(p.At("bricks"))
}

// addProbe lets the brick's URL be looked at from outside, unless the site
// file does so itself.
func (s *Site) addProbe(b *Brick, k bricks.Kind) {
	if k.Probe == nil {
		return
	}
	labels := map[string]string{}
	maps.Copy(labels, b.Labels)
	labels["brick"], labels["kind"] = b.Name, k.Name
	c := probes.Config{Target: b.URL, On: b.On, Labels: labels, TLS: tlscheck.Config{CAFile: b.CAFile}, HTTP: httpprobe.Config{Status: k.Probe.Status}}
	if k.Probe.Path != "" {
		c.Target = strings.TrimSuffix(b.URL, "/") + k.Probe.Path
	}
	s.setProbeDefaults(&c)
	for i := range s.Probes {
		if s.Probes[i].Instance() == c.Instance() || s.Probes[i].Slug() == c.Slug() {
			return
		}
	}
	if !slices.ContainsFunc(s.brickProbes, func(o probes.Config) bool { return o.Slug() == c.Slug() }) {
		s.brickProbes = append(s.brickProbes, c)
	}
}

// kindRules are the rules that kinds bring.
func (s *Site) kindRules(p problem.List) []rules.File {
	var files []rules.File
	for _, k := range s.kinds {
		if text := k.RuleFile(); text != nil {
			at := p.At("bricks")
			if k.Own {
				at = p.At("kind_files")
			}
			files = append(files, rules.Parse(at, k.RuleFileName(), text))
		}
	}
	return files
}

// kindMetrics lists what bricks export, or patterns of it.
func (s *Site) kindMetrics() []string {
	var names []string
	for _, f := range brick.Families() {
		names = append(names, f.Name)
	}
	for _, k := range s.kinds {
		names = append(names, k.MetricNames()...)
	}
	return names
}

// Kinds returns all kinds that the site can use, its own ones among them.
func (s *Site) Kinds() []bricks.Kind { return s.kinds }

// AllBricks returns the site's bricks in the order of the file.
func (s *Site) AllBricks() []bricks.Brick { return s.composed }

// AllUpdates returns what is followed: the projects of the file, then those
// that come with its bricks.
func (s *Site) AllUpdates() updatewatch.Config { return s.updates }

// Unfollowed says, in words, which releases of bricks are not followed.
func (s *Site) Unfollowed() []string { return s.unfollowed }

// AllProbes returns the site's probes: those of the file, then those that come
// with its bricks.
func (s *Site) AllProbes() []probes.Config { return slices.Concat(s.Probes, s.brickProbes) }

// refuseCircles finds bricks that need one another: each would excuse the
// other, and nobody would be told.
func (s *Site) refuseCircles(p problem.List) {
	needs := map[string][]string{}
	for _, b := range s.Bricks {
		needs["brick/"+b.Name] = b.Needs
	}
	for i, b := range s.Bricks {
		start := "brick/" + b.Name
		if slices.Contains(b.Needs, start) {
			continue // refused already
		}
		seen := map[string]bool{}
		var reaches func(from string) bool
		reaches = func(from string) bool {
			for _, next := range needs[from] {
				if next == start {
					return true
				}
				if !seen[next] {
					seen[next] = true
					if reaches(next) {
						return true
					}
				}
			}
			return false
		}
		if reaches(start) {
			p.At("bricks").Index(i).At("needs").Addf("lead back to this brick in a circle; take one of them away")
		}
	}
}

// here tells whether a brick runs on this host. One that is not said to run
// anywhere does.
func (s *Site) here(b *Brick) bool { return b.On == "" || b.On == s.HostName() }

// watchUnits lets the collector units watch those of the bricks that run here.
func (s *Site) watchUnits(p problem.List) {
	for i := range s.Bricks {
		b := &s.Bricks[i]
		if len(b.Units) == 0 || !s.here(b) {
			continue
		}
		if !s.Host.Runs("units") {
			p.At("bricks").Index(i).At("units").Addf("nobody watches them: the collector units does not run; see host.collectors, or leave this out")
			continue
		}
		for _, unit := range b.Units {
			s.Host.Units.OfBricks = append(s.Host.Units.OfBricks, host.BrickUnit{Unit: unit, Brick: b.Name})
		}
	}
}

// unwatchedUnits says of which bricks this host cannot see the units.
func (s *Site) unwatchedUnits() []string {
	var all []string
	for i := range s.Bricks {
		if b := &s.Bricks[i]; len(b.Units) > 0 && !s.here(b) {
			all = append(all, index("bricks", i)+".units: are watched by the Tocsin on "+b.On+" only if this brick is in its site file too: units are seen on their own host")
		}
	}
	return all
}

// unmeasured says which parts of bricks have no address, so that they are not
// watched.
func (s *Site) unmeasured() []string {
	var all []string
	for i, b := range s.composed {
		kind, ok := bricks.Find(s.kinds, b.Kind)
		if !ok {
			continue
		}
		for _, name := range b.Unmeasured(kind) {
			all = append(all, index("bricks", i)+": the part "+name+" of "+b.Name+" is not watched, because nothing says where it is; write requests."+name+".url, or requests."+name+".off: true")
		}
	}
	return all
}
