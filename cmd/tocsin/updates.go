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
		late = late || s.Behind > 0
	}
	if v.JSON {
		e := json.NewEncoder(c.out)
		e.SetIndent("", "  ")
		err = e.Encode(all)
	} else {
		err = writeUpdates(c, all)
	}
	if err == nil && late {
		return errFound
	}
	return err
}

func writeUpdates(c *console, all []updatewatch.Status) error {
	if len(all) == 0 {
		fmt.Fprintln(c.out, "The site file follows no project; write some under updates.projects.")
		return nil
	}
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PROJECT\tRUNS\tIN LINE\tNEWEST\tSTATE")
	for i := range all {
		s := &all[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", s.Name, unless(s.Deployed), unless(s.NewestInLine), unless(s.Newest), updateState(s))
	}
	return t.Flush()
}

func unless(text string) string {
	if text == "" {
		return "?"
	}
	return text
}

// updateState says in words how a project stands.
func updateState(s *updatewatch.Status) string {
	var parts []string
	current, known := s.Current()
	switch {
	case s.Newest == "" && s.Reason == "":
		parts = append(parts, "not asked yet")
	case s.Newest == "":
	case !known:
		parts = append(parts, "not known what runs here")
	case current:
		parts = append(parts, "up to date")
	default:
		parts = append(parts, fmt.Sprintf("%d behind since %s", s.Behind, s.BehindSince.Format("2006-01-02")))
	}
	if s.Security {
		parts = append(parts, "security "+strings.Join(s.Advisories, " "))
	}
	if s.Reason != "" {
		parts = append(parts, "cannot be asked: "+s.Error)
	}
	if s.MovedTo != "" {
		parts = append(parts, "moved to "+s.MovedTo)
	}
	return strings.TrimSpace(strings.Join(parts, "; "))
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
	if s := r.Status; s.Deployed != "" {
		fmt.Fprintf(c.out, "; newest in line %s: %s; %d newer than %s", s.Line, unless(s.NewestInLine), s.Behind, s.Deployed)
	}
	fmt.Fprintln(c.out, ".")
	if kept == 0 {
		return errFound
	}
	return nil
}
