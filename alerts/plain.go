package alerts

import (
	"fmt"
	"strings"
)

// Plain writes a notification as plain text of some lines, for the console,
// the status page and mail. At most show alerts are told in full.
func (w Wording) Plain(n Notification, show int) string {
	p := w.Phrases()
	var b strings.Builder
	b.WriteString(w.Headline(n, 200) + "\n")
	for i, a := range n.Alerts {
		if i == show {
			fmt.Fprintf(&b, "  … %s\n", w.More(len(n.Alerts)-i))
			break
		}
		if len(n.Alerts) > 1 {
			one := Notification{Alerts: []Alert{a}}
			fmt.Fprintf(&b, "  %s %s\n", one.Mark(), Cut(w.Summary(a), 200))
		}
		fmt.Fprintf(&b, "    %s\n", w.Since(a, n.At))
		if !a.NoDataSince.IsZero() && !a.Resolved() {
			fmt.Fprintf(&b, "    "+p.NoData+"\n", w.Clock(a.NoDataSince, n.At))
		}
		if a.Unwatched {
			fmt.Fprintf(&b, "    %s%s%s\n", p.Unwatched, p.Colon, p.Because)
		}
		if a.Resolved() {
			continue
		}
		if d := OneLine(a.Detail); d != "" {
			fmt.Fprintf(&b, "    %s%s%s\n", p.Detail, p.Colon, Cut(d, 300))
		}
		if d := w.Description(a); d != "" && (i == 0 || d != w.Description(n.Alerts[i-1])) {
			fmt.Fprintf(&b, "    %s\n", Cut(d, 600))
		}
		if a.Link != "" {
			fmt.Fprintf(&b, "    %s\n", OneLine(a.Link))
		}
	}
	return b.String()
}
