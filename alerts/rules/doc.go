// Package rules has the alert rules that Tocsin ships, as standard Prometheus
// rule files, and what is done with rules before an engine loads them: reading
// a site's own files strictly, applying the site's overrides, proving that
// each metric named is one that somebody exports, writing the reference page.
//
// The files are data; dashboards may import this package for the thresholds.
// It is not for evaluating rules nor for rendering their texts when they fire:
// that is alerts/engine's, or any Prometheus'.
package rules

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"tocsin/internal/problem"
)

//go:embed *.yml
var shipped embed.FS

// Load returns the shipped rule files, in alphabetical order. Its error is a
// flaw of this build.
func Load() ([]File, error) {
	names, err := fs.Glob(shipped, "*.yml")
	if err != nil {
		return nil, fmt.Errorf("list the shipped rules: %w", err)
	}
	var files []File
	var errs []error
	for _, name := range names {
		text, err := shipped.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read the shipped rules: %w", err)
		}
		p := problem.New()
		files = append(files, Parse(p, name, text))
		for _, found := range p.All() {
			errs = append(errs, errors.New(found.Text))
		}
	}
	return files, errors.Join(errs...)
}
