package bricks

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// WriteText tells people what is watched of a kind, and how it is asked.
func WriteText(w io.Writer, k Kind) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%s: %s\n", k.Title, k.About)
	fmt.Fprintf(t, "\nIn the site file:\n  bricks:\n    - {kind: %s, url: %s}\n", k.Name, k.Example)
	fmt.Fprintf(t, "\nIt is asked\n")
	if k.Probe != nil {
		fmt.Fprintf(t, "  as a user would\tits URL%s, by the probe from outside\n", k.Probe.Path)
	}
	for _, name := range k.RequestNames() {
		fmt.Fprintf(t, "  %s\t%s\n", name, k.Requests[name].words())
	}
	fmt.Fprintf(t, "\nIt is well when\t%s\n", oneLine(k.Health.JQ))
	if s := k.Releases.words(); s != "" {
		fmt.Fprintf(t, "Releases\t%s\n", s)
	}
	if k.Compat != "" {
		fmt.Fprintf(t, "Names are those of\t%s\n", k.Compat)
	}
	fmt.Fprintf(t, "\nMetrics, beside those of every brick\n")
	for _, m := range k.distinct() {
		fmt.Fprintf(t, "  %s\t%s\t%s\n", m.signature(), m.Type, m.Help)
	}
	for _, name := range k.RequestNames() {
		for _, pattern := range k.Requests[name].Pass {
			fmt.Fprintf(t, "  %s\t\tpassed on\n", pattern)
		}
	}
	fmt.Fprintf(t, "\nAlerts, beside those of every brick\n")
	for _, a := range k.Alerts {
		fmt.Fprintf(t, "  %s\t%s\t%s\n", a.Name, a.Severity, oneLine(a.FiresWhen))
	}
	return t.Flush()
}

// WriteReference writes the reference page of kinds, in Markdown.
func WriteReference(w io.Writer, kinds []Kind) error {
	var b strings.Builder
	b.WriteString("# The kinds of services\n\nThis page is generated from the kinds; do not edit it. Every brick, whatever its kind, has the metrics `brick_*` and the\nrules of `brick.yml` (rules.md).\n")
	for _, k := range kinds {
		fmt.Fprintf(&b, "\n## %s\n\n**%s.** %s\n\n```yaml\nbricks:\n  - {kind: %s, url: %s}\n```\n", k.Name, k.Title, k.About, k.Name, k.Example)
		b.WriteString("\n| request | how |\n|---|---|\n")
		if k.Probe != nil {
			fmt.Fprintf(&b, "| (probe) | the URL%s from outside, as a user would, with its certificate |\n", k.Probe.Path)
		}
		for _, name := range k.RequestNames() {
			fmt.Fprintf(&b, "| `%s` | %s |\n", name, k.Requests[name].words())
		}
		fmt.Fprintf(&b, "\nIt is well when `%s`.\n", cell(k.Health.JQ))
		if s := k.Releases.words(); s != "" {
			fmt.Fprintf(&b, "Releases: %s.\n", s)
		}
		if k.Compat != "" {
			fmt.Fprintf(&b, "The names are those of %s.\n", k.Compat)
		}
		b.WriteString("\n| metric | type | meaning |\n|---|---|---|\n")
		for _, m := range k.distinct() {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", m.signature(), m.Type, cell(m.Help))
		}
		for _, name := range k.RequestNames() {
			for _, pattern := range k.Requests[name].Pass {
				fmt.Fprintf(&b, "| `%s` | | passed on from its own page |\n", pattern)
			}
		}
		if len(k.Alerts) > 0 {
			b.WriteString("\n| alert | severity | fires when | what to do |\n|---|---|---|---|\n")
		}
		for _, a := range k.Alerts {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", a.Name, a.Severity, cell(a.FiresWhen), cell(a.Do))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func cell(s string) string { return strings.ReplaceAll(oneLine(s), "|", "\\|") }

// distinct returns the metrics, each name once.
func (k Kind) distinct() []Metric {
	var out []Metric
	for _, m := range k.Metrics {
		if !slices.ContainsFunc(out, func(o Metric) bool { return o.Name == m.Name }) {
			out = append(out, m)
		}
	}
	return out
}

func (m Metric) signature() string {
	if names := m.LabelNames(); len(names) > 0 {
		return m.Name + "{" + strings.Join(names, ",") + "}"
	}
	return m.Name
}

// words says how a request is made.
func (r Request) words() string {
	out := r.Adapter
	if r.Path != "" {
		out += " " + r.Path
	}
	if r.Interval != 0 {
		out += ", every " + r.Interval.String()
	}
	if d := time.Duration(r.Timeout); d != 0 {
		out += ", within " + r.Timeout.String()
	}
	if r.Auth != "none" {
		out += ", with " + r.Auth + " credentials"
	}
	if r.Optional {
		out += ", where the service has it"
	}
	return out
}

func (r Releases) words() string {
	for _, source := range []struct{ name, value string }{
		{"GitHub", r.GitHub}, {"GitLab", r.GitLab}, {"Gitea", r.Gitea}, {"feed", r.Feed}, {"Debian index", r.Packages},
	} {
		if source.value != "" {
			out := source.name + " " + source.value
			if r.Package != "" {
				out += ", package " + r.Package
			}
			return out
		}
	}
	return ""
}
