package rules

import (
	"strings"
	"testing"

	"tocsin/bricks"
)

// A reason that the template does not know is shown bare.
func TestTexts_brickDownHasWordsForEachReason(t *testing.T) {
	r, ok := Find(load(t), "BrickDown")
	if !ok {
		t.Fatal("there is no rule BrickDown")
	}
	for _, text := range []string{"summary", "summary_fr"} {
		for _, reason := range bricks.Reasons() {
			if !strings.Contains(r.Annotations[text], `eq $reason "`+string(reason)+`"`) {
				t.Errorf("%s: no words for the reason %s", text, reason)
			}
		}
	}
}
