package main

import (
	"cmp"
	"fmt"

	"tocsin/internal/config"
)

// checkVerb proves a site file without starting anything. Exit code 1 means
// that it could be run, but has what was probably not meant.
type checkVerb struct {
	File   string `arg:"" optional:"" help:"The site file; without it ${default_file}, if that exists."`
	Config string `placeholder:"FILE" help:"The same, as other verbs have it."`
}

// Run implements the verb.
func (v *checkVerb) Run(c *console) error {
	site, err := config.Load(config.Find(cmp.Or(v.File, v.Config)))
	if err != nil {
		return err
	}
	name := site.File()
	if name == "" {
		name = "no site file"
	}
	state := "in order"
	if len(site.Warnings()) > 0 {
		state = "can be run, but has what was probably not meant"
	}
	fmt.Fprintf(c.out, "%s: %s; watched: %s\n", name, state, site.Summary())
	for _, text := range site.Unwatched() {
		fmt.Fprintln(c.out, "not watched:", text)
	}
	for _, text := range site.Warnings() {
		fmt.Fprintln(c.out, "warning:", text)
	}
	for _, text := range site.Hints() {
		fmt.Fprintln(c.out, "hint:", text)
	}
	if len(site.Warnings()) > 0 {
		return errFound
	}
	return nil
}
