package bricks

import (
	"fmt"
	"strconv"
	"strings"
)

// RuleFileName is what the file of a kind's own rules is called.
func (k Kind) RuleFileName() string { return "brick-" + k.Name + ".yml" }

// RuleFile writes the kind's own alerts as a standard rule file; nil where it
// has none.
func (k Kind) RuleFile() []byte {
	if len(k.Alerts) == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# The rules about %s alone, from its kind.\ngroups:\n  - name: brick-%s\n    rules:\n", oneLine(k.Title), k.Name)
	for _, a := range k.Alerts {
		fmt.Fprintf(&b, "      # Fires when: %s\n      # Do: %s\n", oneLine(a.FiresWhen), oneLine(a.Do))
		fmt.Fprintf(&b, "      - alert: %s\n        expr: |-\n", a.Name)
		for line := range strings.Lines(strings.TrimSpace(a.Expr)) {
			b.WriteString("          " + strings.TrimRight(line, "\r\n") + "\n")
		}
		if a.For != 0 {
			fmt.Fprintf(&b, "        for: %s\n", a.For)
		}
		if a.KeepFiringFor != 0 {
			fmt.Fprintf(&b, "        keep_firing_for: %s\n", a.KeepFiringFor)
		}
		fmt.Fprintf(&b, "        labels:\n          severity: %s\n        annotations:\n", a.Severity)
		for _, text := range []struct{ key, value string }{
			{"summary", a.Summary}, {"description", a.Description}, {"summary_fr", a.SummaryFR}, {"description_fr", a.DescriptionFR},
		} {
			fmt.Fprintf(&b, "          %s: %s\n", text.key, strconv.Quote(oneLine(text.value)))
		}
	}
	return []byte(b.String())
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
