package updatewatch

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"tocsin/bricks"
)

// FollowBricks adds a project for each kind that says where it is released,
// with all bricks of that kind as its deployments. A brick that the site file
// follows itself is left to it, and so is one whose releases are at a host
// that the file does not name under forges: nobody is asked unasked. What is
// not followed is returned, in words. Kinds and bricks are valid, and so is c.
func (c *Config) FollowBricks(kinds []bricks.Kind, all []bricks.Brick) (unfollowed []string) {
	if c.Bricks != nil && !*c.Bricks {
		return nil
	}
	own := len(c.Projects)
	missing := map[string][]string{} // kinds by the host that is not named
	var hosts []string
	for _, b := range all {
		kind, ok := bricks.Find(kinds, b.Kind)
		from := "brick/" + b.Name
		if !ok || kind.Releases.IsZero() || slices.ContainsFunc(c.Projects, func(p Project) bool { return slices.Contains(p.DeployedFrom, from) }) {
			continue
		}
		at := slices.IndexFunc(c.Projects, func(p Project) bool { return p.Name == kind.Name })
		switch host := c.hostOf(projectOf(kind)); {
		case at >= own:
			c.Projects[at].DeployedFrom = append(c.Projects[at].DeployedFrom, from)
		case at >= 0:
			unfollowed = append(unfollowed, fmt.Sprintf("releases of the brick %s, whose kind's name projects[%d] has; "+
				"write deployed_from: %s there", b.Name, at, from))
		case !slices.ContainsFunc(c.Forges, func(f Forge) bool { return f.Host == host }):
			if missing[host] == nil {
				hosts = append(hosts, host)
			}
			if !slices.Contains(missing[host], kind.Name) {
				missing[host] = append(missing[host], kind.Name)
			}
		default:
			p := projectOf(kind)
			p.DeployedFrom = References{from}
			c.Projects = append(c.Projects, p)
		}
	}
	for _, host := range hosts {
		unfollowed = append(unfollowed, fmt.Sprintf("releases of %s, at %s, which the file does not name; "+
			"write {host: %s} under updates.forges, or updates.bricks: false", strings.Join(missing[host], ", "), host, host))
	}
	c.SetDefaults()
	return unfollowed
}

// projectOf is what a kind says of its releases, as a site would write it.
func projectOf(k bricks.Kind) Project {
	r := k.Releases
	return Project{
		Name: k.Name, GitHub: r.GitHub, GitLab: r.GitLab, Gitea: r.Gitea, Feed: r.Feed, Apt: r.Packages, Package: r.Package,
		Tags: r.Tags, Tag: r.Tag, Scheme: r.Scheme, Line: r.Line, Prereleases: r.Prereleases,
	}
}

// hostOf names the host that a project's source is at, as forges writes it.
func (c *Config) hostOf(p Project) string {
	u, err := url.Parse(c.source(p).URL)
	if err != nil {
		return ""
	}
	return u.Host
}
