package migrate

import (
	"path/filepath"

	"tocsin/alerts/rules"
	"tocsin/internal/config"
	"tocsin/internal/migrate/foreign"
	"tocsin/internal/problem"
)

// rules carries over the rule files, which stay where they are. One that
// Tocsin would refuse is left out, with what is wrong with it.
func (p *prometheus) rules(v foreign.Value) error {
	var paths []string
	var read []rules.File
	for _, e := range v.List() {
		if e.Text() == "" {
			continue
		}
		pattern := p.path(e.Text())
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			p.losef(e.Place(), "rule_files", "no file fits here; run this where Prometheus runs, or write its rules under alerts.rule_files")
			continue
		}
		good := 0
		for _, path := range found {
			wrong := problem.New()
			files := rules.Read(wrong, "", []string{path})
			for _, w := range wrong.All() {
				p.losef(e.Place(), "rule_files", "Tocsin would refuse a rule: %s", w.Text)
			}
			if len(wrong.All()) == 0 {
				good++
				read = append(read, files...)
				paths = append(paths, path)
			}
		}
		if good == len(found) { // the pattern, for files that come later
			paths = append(paths[:len(paths)-good], pattern)
		}
	}
	if len(paths) == 0 {
		return nil
	}
	exported, err := config.Exported()
	if err != nil {
		return err
	}
	alerts := newMapping()
	alerts.set("rule_files", paths, "The old rules ring beside Tocsin's own (docs/rules.md). Where both say the same,",
		"take one away: rules: {NAME: {off: true}} does it for Tocsin's.")
	p.site.set("alerts", alerts)
	if missing := rules.Unexported(read, exported); len(missing) > 0 {
		p.site.set("metrics_from_elsewhere", missing, "Judge: the old rules name these, and no Tocsin exports them. A rule about them cannot",
			"ring here; keep it where the exporter is scraped, or rewrite it.")
		p.losef(v.Place(), "rule_files", "%d metrics in them are exported by no Tocsin (metrics_from_elsewhere in the site file lists them); rules about them cannot ring here", len(missing))
	}
	return nil
}
