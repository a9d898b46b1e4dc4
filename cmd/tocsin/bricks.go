package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"tocsin/bricks"
	"tocsin/exporters/brick"
	"tocsin/internal/strict"
)

// bricksVerb has the verbs about bricks and their kinds.
type bricksVerb struct {
	List bricksListVerb `cmd:"" help:"List the kinds of services that are known, the site's own among them."`
	Show bricksShowVerb `cmd:"" help:"Tell what is watched of one kind, and how it is asked."`
	Test bricksTestVerb `cmd:"" help:"Replay the recorded answers of kinds, and say what is not made of them as it should."`
}

// bricksListVerb lists the kinds.
type bricksListVerb struct {
	siteFlag
}

// Run implements the verb.
func (v *bricksListVerb) Run(c *console) error {
	site, err := v.load()
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "KIND\tBRICKS\tWHAT IS WATCHED")
	for _, k := range site.Kinds() {
		n := 0
		for _, b := range site.AllBricks() {
			if b.Kind == k.Name {
				n++
			}
		}
		about := k.About
		if k.Own {
			about = strings.TrimSpace(about + " (of this site)")
		}
		fmt.Fprintf(t, "%s\t%d\t%s\n", k.Name, n, about)
	}
	return t.Flush()
}

// bricksShowVerb tells all about a kind.
type bricksShowVerb struct {
	siteFlag
	Kind string `arg:"" help:"The kind's name."`
}

// Run implements the verb.
func (v *bricksShowVerb) Run(c *console) error {
	site, err := v.load()
	if err != nil {
		return err
	}
	k, ok := bricks.Find(site.Kinds(), v.Kind)
	if !ok {
		var names []string
		for _, k := range site.Kinds() {
			names = append(names, k.Name)
		}
		hint := "write one of " + strings.Join(names, ", ")
		if near := strict.Nearest(v.Kind, names); near != "" {
			hint = "did you mean " + near + "?"
		}
		return fmt.Errorf("%w: there is no kind of this name; %s", errInput, hint)
	}
	return bricks.WriteText(c.out, k)
}

// bricksTestVerb proves kinds on what was recorded.
type bricksTestVerb struct {
	File []string `arg:"" optional:"" help:"Files of kinds; without any, the shipped kinds."`
}

// Run implements the verb.
func (v *bricksTestVerb) Run(ctx context.Context, c *console) error {
	kinds, err := v.kinds()
	if err != nil {
		return err
	}
	failed := false
	for _, k := range kinds {
		if len(k.Tests) == 0 {
			fmt.Fprintf(c.out, "%s: has no tests\n", k.Name)
		}
		for _, t := range k.Tests {
			wrong, err := brick.RunTest(ctx, k, t)
			if err != nil {
				return fmt.Errorf("%w: %s: %w", errInput, k.Name, err)
			}
			if len(wrong) == 0 {
				fmt.Fprintf(c.out, "%s: %s: as it should be\n", k.Name, t.Name)
				continue
			}
			failed = true
			fmt.Fprintf(c.out, "%s: %s: NOT as it should be\n", k.Name, t.Name)
			for _, w := range wrong {
				fmt.Fprintf(c.out, "    %s\n", w)
			}
		}
	}
	if failed {
		return errFound
	}
	return nil
}

func (v *bricksTestVerb) kinds() ([]bricks.Kind, error) {
	if len(v.File) == 0 {
		return bricks.Load()
	}
	var kinds []bricks.Kind
	var errs []error
	for _, name := range v.File {
		k, err := bricks.ReadFile(name)
		kinds, errs = append(kinds, k), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		var wrong *strict.Error
		if errors.As(err, &wrong) && len(v.File) == 1 {
			return nil, wrong // each line has its place
		}
		return nil, fmt.Errorf("%w: %w", errInput, err)
	}
	return kinds, nil
}
