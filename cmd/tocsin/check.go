package main

import (
	"fmt"

	"tocsin/internal/config"
)

// checkVerb proves a site file without starting anything. Exit code 1 means
// that it could be run, but has what was probably not meant.
type checkVerb struct {
	File string `arg:"" optional:"" help:"The site file; without it ${default_file}, if that exists."`
}

// Run implements the verb.
func (v *checkVerb) Run(c *console) error {
	site, err := config.Load(config.Find(v.File))
	if err != nil {
		return err
	}
	name := site.File()
	if name == "" {
		name = "no site file"
	}
	fmt.Fprintf(c.out, "%s: in order; watched: %s\n", name, site.Summary())
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
