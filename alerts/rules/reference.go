package rules

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Reference writes the page about the shipped rules, in Markdown: what each
// fires on and what to do, from the comments in their files.
func Reference(w io.Writer) error {
	files, err := Load()
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString(referenceHead)
	for _, f := range files {
		fmt.Fprintf(&b, "\n## %s\n\n", f.Name)
		b.WriteString("| rule | fires when | for | severity | threshold | what to do |\n|---|---|---|---|---|---|\n")
		for _, r := range Alerts([]File{f}) {
			when, do := r.Purpose()
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n",
				r.Alert, cell(when), wait(r), r.Severity(), code(r.Threshold.String()), cell(do))
		}
	}
	b.WriteString(referenceTail)
	_, err = io.WriteString(w, b.String())
	return err
}

// Purpose returns what the comment above a shipped rule says: when it fires,
// and what to do then. Both are empty for rules without such a comment.
func (r Rule) Purpose() (firesWhen, do string) {
	for line := range strings.SplitSeq(r.Comment, "\n") {
		if text, ok := strings.CutPrefix(line, "Fires when: "); ok {
			firesWhen = text
		}
		if text, ok := strings.CutPrefix(line, "Do: "); ok {
			do = text
		}
	}
	return firesWhen, do
}

// String writes the comparison as in the rule: > 0.95. It is empty for a rule
// whose number cannot be changed.
func (t *Threshold) String() string {
	if !t.Adjustable() {
		return ""
	}
	return t.Op + " " + strconv.FormatFloat(t.Value, 'f', -1, 64)
}

// wait says how long it must be so.
func wait(r Rule) string {
	if r.For == 0 {
		return "at once"
	}
	return r.For.String()
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

// cell keeps a text from breaking the table.
func cell(text string) string {
	return strings.ReplaceAll(text, "|", `\|`)
}

const referenceHead = `# The rules

<!-- Written from alerts/rules/*.yml by go test ./alerts/rules -update. Change the comments there. -->

These rules ring by themselves: nothing has to be written. "For" is how long it must be so before it rings. Where a
threshold is shown, it can be changed; ratios go from 0 to 1.
`

const referenceTail = "\n" + `## To change them

In the site file, by the rule's name, any of ` + "`threshold`, `for`, `severity` (critical, warning, info) and `off`" + `:

` + "```yaml" + `
alerts:
  rules:
    HostDiskFull: {threshold: 0.9}
    HostRebooted: {severity: info}
    HostClockUnsynchronised: {off: true}
` + "```" + `

A list changes a rule for some alerts only. Labels under ` + "`match`" + ` are the alert's, and all must be equal; the first
entry that fits decides; an entry without ` + "`match`" + ` fits all, and comes last:

` + "```yaml" + `
alerts:
  rules:
    HostDiskFull:
      - {match: {mountpoint: /backup}, threshold: 0.99}
      - {match: {host: build1, mountpoint: /scratch}, off: true}
      - {threshold: 0.9, for: 5m}
` + "```" + `

Rules of your own are standard Prometheus files, read as strictly and changed the same way:

` + "```yaml" + `
alerts:
  rule_files: [rules.d/*.yml]
` + "```" + `

` + "`tocsin rules export`" + ` writes all of them, changes applied, for another Prometheus.
`
