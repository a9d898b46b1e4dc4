package updatewatch

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/lazy"
	"tocsin/internal/problem"
	"tocsin/updatewatch/version"
)

// Bounds of what a site file may ask for.
const (
	minInterval = time.Minute
	maxInterval = 7 * 24 * time.Hour
	maxProjects = 5000
)

var (
	channel    = lazy.Regexp(`^[a-z0-9][a-z0-9_-]*/[a-z0-9][a-z0-9_.-]*$`)
	slug       = lazy.Regexp(`^[a-z0-9]([a-z0-9_.+-]{0,62}[a-z0-9+])?$`)
	repository = lazy.Regexp(`^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9_.-]+$`)
	reference  = lazy.Regexp(`^(brick|postgres|rabbitmq|package)/[a-z0-9][a-z0-9_.+-]*$`)
	hostName   = lazy.Regexp(`^[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?$`)
)

// Validate adds what is wrong to p. It touches nothing.
func (c *Config) Validate(p problem.List) {
	if c.Channel != "" && !channel().MatchString(c.Channel) {
		p.At("channel").Addf("this is no channel; write team/channel, as technique/mises-a-jour")
	}
	interval(p.At("interval"), c.Interval)
	if r := time.Duration(c.Remind); r != 0 && r < 24*time.Hour {
		p.At("remind").Addf("%s is less than a day: nobody would read it; write 7d", c.Remind)
	}
	hosts := map[string]bool{}
	for i, f := range c.Forges {
		at := p.At("forges").Index(i)
		f.validate(at)
		if hosts[f.Host] && f.Host != "" {
			at.At("host").Addf("stands here twice; keep one of the two")
		}
		hosts[f.Host] = true
	}
	if len(c.Projects) > maxProjects {
		p.At("projects").Addf("has more than %d entries", maxProjects)
	}
	seen := map[string]int{}
	for i := range c.Projects {
		at, project := p.At("projects").Index(i), &c.Projects[i]
		project.validate(at)
		if first, ok := seen[project.Name]; ok && project.Name != "" {
			at.At("name").Addf("is taken by projects[%d] already; choose another", first)
		} else {
			seen[project.Name] = i
		}
	}
}

func interval(p problem.List, d model.Duration) {
	if v := time.Duration(d); v != 0 && (v < minInterval || v > maxInterval) {
		p.Addf("%s is not between 1m and 7d; usual is 1h", d)
	}
}

func (f Forge) validate(p problem.List) {
	if !hostName().MatchString(f.Host) {
		p.At("host").Addf("this is no host's name; write it as in the addresses, as github.com")
	}
	if !f.Token.IsZero() && f.TokenFile != "" {
		p.At("token_file").Addf("token is given too: keep one of the two")
	}
	if f.By != "" && f.By != "feed" && f.By != "api" {
		p.At("by").Addf("must be feed or api")
	}
	if f.API != "" {
		address(p.At("api"), f.API, "https://git.ville.example/api/v1")
	}
}

// address wants an http or https URL with a host, and nobody's password.
func address(p problem.List, text, example string) {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		p.Addf("is no URL of a web page; write one as %s", example)
	case u.User != nil:
		p.Addf("has a user or a password in it, and it stands on pages; write a token_file under forges")
	}
}

// sources returns the keys that name a source, and what stands there.
func (c *Project) sources() map[string]string {
	all := map[string]string{"github": c.GitHub, "gitlab": c.GitLab, "gitea": c.Gitea, "feed": c.Feed, "apt": c.Apt}
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	return all
}

func (c *Project) validate(p problem.List) {
	switch {
	case c.Name == "":
		p.At("name").Addf("is missing; write a short name, as etherpad")
	case !slug().MatchString(c.Name):
		p.At("name").Addf("this is no name; use small letters, digits, - and _, at most 64, as etherpad")
	}
	c.validateSource(p)
	if _, err := version.NewPattern(c.Tag); err != nil {
		p.At("tag").Addf("is no regular expression: %v", err)
	}
	if !slices.Contains(version.Schemes(), version.Scheme(c.Scheme)) {
		p.At("scheme").Addf("must be loose, or deb for versions of Debian's packages")
	}
	if c.Line < 1 || c.Line > 4 {
		p.At("line").Addf("%d is not between 1 and 4; write how many leading numbers make a release line", c.Line)
	}
	for i, text := range c.Ignore {
		if _, err := version.Scheme(c.Scheme).Parse(text); err != nil {
			p.At("ignore").Index(i).Addf("this is no version; write it as 2.5.3")
		}
	}
	c.validateDeployed(p)
	interval(p.At("interval"), c.Interval)
}

func (c *Project) validateSource(p problem.List) {
	given := c.sources()
	switch names := slices.Sorted(maps.Keys(given)); len(names) {
	case 0:
		p.Addf("says nowhere to ask; write github, gitlab, gitea, feed or apt")
	case 1:
	default:
		p.Addf("has %s; keep one of them", strings.Join(names, " and "))
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if key == "github" && repository().MatchString(c.GitHub) {
			continue
		}
		example := map[string]string{
			"github": "ether/etherpad-lite", "gitlab": "https://gitlab.com/groupe/projet", "gitea": "https://git.ville.example/equipe/projet",
			"feed": "https://www.ville.example/releases.atom", "apt": "https://deb.ville.example/dists/stable/main/binary-amd64/Packages.gz",
		}[key]
		address(p.At(key), given[key], example)
	}
	if strings.HasSuffix(c.Apt, ".xz") {
		p.At("apt").Addf("is compressed by xz, which is not read; name Packages.gz or Packages beside it")
	}
	if c.Package != "" && c.Apt == "" {
		p.At("package").Addf("belongs to apt; for the version that runs here write deployed_from: package/%s", "NAME")
	}
	if c.Tags && (c.Feed != "" || c.Apt != "") {
		p.At("tags").Addf("is for repositories at forges; take it away")
	}
}

func (c *Project) validateDeployed(p problem.List) {
	if c.Deployed != "" && len(c.DeployedFrom) > 0 {
		p.At("deployed").Addf("deployed_from is given too: keep one of the two")
	}
	for i, from := range c.DeployedFrom {
		at := p.At("deployed_from")
		if len(c.DeployedFrom) > 1 {
			at = at.Index(i)
		}
		switch {
		case !reference().MatchString(from):
			at.Addf("must be brick/NAME, postgres/NAME, rabbitmq/NAME or package/NAME")
		case slices.Index(c.DeployedFrom, from) < i:
			at.Addf("stands here twice; keep one of the two")
		}
	}
	if c.Deployed != "" && !strings.ContainsAny(c.Deployed, "0123456789") {
		p.At("deployed").Addf("this is no version; write it as 2.5.3")
	}
}
