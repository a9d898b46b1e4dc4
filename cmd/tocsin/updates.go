package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"tocsin/internal/app"
	"tocsin/internal/problem"
	"tocsin/updatewatch"
)

// updatesVerb is about the releases of upstream.
type updatesVerb struct {
	List  updatesListVerb  `cmd:"" default:"withargs" help:"Tell what runs here and what is released, as it was last seen. Nobody is asked."`
	Check updatesCheckVerb `cmd:"" help:"Look once at a repository, a feed or a Packages index, and tell what is made of each tag."`
}

// updatesListVerb shows how the site's projects stand. Exit code 1 means that
// an update waits.
type updatesListVerb struct {
	siteFlag
	JSON bool `name:"json" help:"Tell it to programs."`
}

// Run implements the verb.
func (v *updatesListVerb) Run(c *console) error {
	site, err := v.load()
	if err != nil {
		return err
	}
	all, err := app.Updates(site)
	if err != nil {
		return err
	}
	late := false
	for _, s := range all {
		late = late || s.Waiting()
	}
	if v.JSON {
		e := json.NewEncoder(c.out)
		e.SetIndent("", "  ")
		err = e.Encode(struct {
			Projects    []updatewatch.Status `json:"projects"`
			NotFollowed []string             `json:"not_followed,omitempty"`
		}{all, site.Unfollowed()})
	} else {
		err = writeUpdates(c, all, site.Unfollowed())
	}
	if err == nil && late {
		return errFound
	}
	return err
}

func writeUpdates(c *console, all []updatewatch.Status, unfollowed []string) error {
	if len(all) == 0 {
		fmt.Fprintln(c.out, "The site file follows no project; write some under updates.projects, or hosts of bricks' releases under updates.forges.")
	} else if err := writeProjects(c, all); err != nil {
		return err
	}
	for _, what := range unfollowed {
		fmt.Fprintln(c.out, "not followed:", what)
	}
	return nil
}

func writeProjects(c *console, all []updatewatch.Status) error {
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PROJECT\tDEPLOYED FROM\tRUNS\tIN LINE\tNEWEST\tSTATE")
	for i := range all {
		s := &all[i]
		for j := range s.Deployments {
			d := &s.Deployments[j]
			from := d.From
			if from == "" && d.Version != "" {
				from = "site file"
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", s.Name, unless(from), unless(d.Version), unless(d.NewestInLine), unless(s.Newest), updateState(s, d))
		}
	}
	return t.Flush()
}

func unless(text string) string {
	if text == "" {
		return "?"
	}
	return text
}

// updateState says in words how a deployment of a project stands.
func updateState(s *updatewatch.Status, d *updatewatch.Deployment) string {
	var parts []string
	switch {
	case s.Newest == "" && s.Reason == "":
		parts = append(parts, "not asked yet")
	case s.Newest == "", d.Version == "":
	case d.Current:
		parts = append(parts, "up to date")
	default:
		parts = append(parts, fmt.Sprintf("%d behind since %s", d.Behind, d.BehindSince.Format("2006-01-02")))
	}
	if d.Security() {
		parts = append(parts, strings.TrimSpace("security "+strings.Join(d.Advisories, " ")))
	}
	switch {
	case d.Version == "" && d.Unknown != "":
		parts = append(parts, "deployed unknown: "+d.Unknown)
	case d.Version == "":
		parts = append(parts, "not known what runs here")
	case d.Unknown != "":
		parts = append(parts, "does not answer now: "+d.Unknown)
	}
	if s.Reason != "" {
		parts = append(parts, "cannot be asked: "+s.Error)
	}
	if s.MovedTo != "" {
		parts = append(parts, "moved to "+s.MovedTo)
	}
	return strings.Join(parts, "; ")
}

// updatesCheckVerb helps to write a project. Exit code 1 means that no release
// was found.
type updatesCheckVerb struct {
	URL         string   `arg:"" name:"url" help:"The repository's page, a feed, or a Packages file."`
	Tag         string   `help:"The project's tag: a regular expression for the whole tag."`
	Package     string   `help:"The package, in a Packages file."`
	Tags        bool     `help:"Read tags in place of releases."`
	Line        int      `help:"How many leading numbers make a release line." default:"1"`
	Deployed    string   `help:"The version that runs here."`
	Ignore      []string `help:"Versions that shall not be told of."`
	Prereleases bool     `help:"Follow pre-releases too."`
}

// Run implements the verb.
func (v *updatesCheckVerb) Run(ctx context.Context, c *console) error {
	p := updatewatch.Guess(v.URL)
	p.Tag, p.Package, p.Tags, p.Line = v.Tag, v.Package, v.Tags, v.Line
	p.Deployed, p.Ignore, p.Prereleases = v.Deployed, v.Ignore, v.Prereleases
	cfg := updatewatch.Config{Projects: []updatewatch.Project{p}}
	cfg.SetDefaults()
	wrong := problem.New()
	cfg.Validate(wrong)
	for _, found := range wrong.All() {
		key := found.Path[strings.LastIndexByte(found.Path, '.')+1:]
		return fmt.Errorf("%w: %s: %s", errInput, key, found.Text)
	}
	report, err := updatewatch.Check(ctx, cfg, nil)
	if err != nil {
		return err
	}
	return writeReport(c, &report)
}

func writeReport(c *console, r *updatewatch.Report) error {
	fmt.Fprintf(c.out, "Asked %s: %d tags.\n\n", strings.Join(r.Addresses, ", "), len(r.Tags))
	if r.MovedTo != "" {
		fmt.Fprintf(c.out, "It has moved to %s: write that.\n\n", r.MovedTo)
	}
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "TAG\tVERSION\tLINE\tREMARKS")
	kept := 0
	for _, tag := range r.Tags {
		remarks := tag.Advisories
		switch {
		case tag.Rejected != "":
			remarks = []string{"no release: " + tag.Rejected}
		case tag.Prerelease:
			remarks = append([]string{"pre-release"}, remarks...)
			kept++
		default:
			kept++
		}
		if tag.Security && len(tag.Advisories) == 0 {
			remarks = append(remarks, "speaks of security")
		}
		fmt.Fprintf(t, "%.60q\t%s\t%s\t%s\n", tag.Tag, tag.Version, tag.Line, strings.Join(remarks, " "))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "\nNewest: %s", unless(r.Status.Newest))
	if d := r.Status.Deployments[0]; d.Version != "" {
		fmt.Fprintf(c.out, "; newest in line %s: %s; %d newer than %s", d.Line, unless(d.NewestInLine), d.Behind, d.Version)
	}
	fmt.Fprintln(c.out, ".")
	if kept == 0 {
		return errFound
	}
	return nil
}
