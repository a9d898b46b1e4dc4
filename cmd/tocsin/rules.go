package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"tocsin/alerts/rules"
)

// rulesVerb has the verbs about alert rules.
type rulesVerb struct {
	List   rulesListVerb   `cmd:"" help:"List all rules as they are in effect, with what they fire on."`
	Export rulesExportVerb `cmd:"" help:"Write the rules as files for a Prometheus, with the site's changes in them."`
}

// rulesListVerb lists the rules in effect.
type rulesListVerb struct {
	siteFlag
}

// Run implements the verb.
func (v *rulesListVerb) Run(c *console) error {
	site, err := v.load()
	if err != nil {
		return err
	}
	files, err := rules.Effective(site.Rules(), site.Alerts.Rules)
	if err != nil {
		return fmt.Errorf("apply overrides: %w", err)
	}
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "RULE\tSEVERITY\tFOR\tTHRESHOLD\tFIRES WHEN")
	for _, r := range rules.Alerts(files) {
		fires, _ := r.Purpose()
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", r.Alert, r.Severity(), r.For, r.Threshold, fires)
	}
	return t.Flush()
}

// rulesExportVerb writes rule files.
type rulesExportVerb struct {
	siteFlag
	Folder string `arg:"" help:"Where to write them; files of the same names are replaced."`
}

// Run implements the verb.
func (v *rulesExportVerb) Run(c *console) error {
	site, err := v.load()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(v.Folder, 0o755); err != nil {
		return fmt.Errorf("export rules: %w", err)
	}
	texts := site.RuleTexts()
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		path := filepath.Join(v.Folder, name)
		if err := os.WriteFile(path, texts[name], 0o644); err != nil {
			return fmt.Errorf("export rules: %w", err)
		}
		fmt.Fprintln(c.out, path)
	}
	return nil
}
