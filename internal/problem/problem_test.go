package problem

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestList_placesAreTheirPaths(t *testing.T) {
	root := New()
	root.Addf("at the root")
	probes := root.At("probes")
	probes.Index(2).At("target").Addf("is %q", "no URL")
	root.At("alerts").At("mattermost").Addf("odd")
	want := []Problem{
		{Path: "", Text: "at the root"},
		{Path: "probes[2].target", Text: `is "no URL"`},
		{Path: "alerts.mattermost", Text: "odd"},
	}
	if d := cmp.Diff(want, root.All()); d != "" {
		t.Error(d)
	}
}
