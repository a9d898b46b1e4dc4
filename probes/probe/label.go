package probe

import "strings"

// maxLabel bounds what a server may put into a label. A certificate of a
// hundred names is within it.
const maxLabel = 4096

// Label makes text that a server sent fit for a label.
func Label(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) > maxLabel {
		text = strings.ToValidUTF8(text[:maxLabel], "") + "…"
	}
	return text
}
