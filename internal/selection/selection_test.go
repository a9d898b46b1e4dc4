package selection

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/problem"
)

func TestSelection_chooses(t *testing.T) {
	for _, tc := range []struct {
		s                   Selection
		name                string
		byDefault, expected bool
	}{
		{Selection{}, "wal", true, true},
		{Selection{}, "wal", false, false},
		{Selection{On: []string{"wal"}}, "wal", false, true},
		{Selection{Off: []string{"wal"}}, "wal", true, false},
		{Selection{Only: []string{"locks"}}, "wal", true, false},
		{Selection{Only: []string{"locks"}}, "locks", false, true},
	} {
		if got := tc.s.Chooses(tc.name, tc.byDefault); got != tc.expected {
			t.Errorf("%+v chooses %s (by default %v): %v", tc.s, tc.name, tc.byDefault, got)
		}
	}
}

func TestSelection_wrongOnes(t *testing.T) {
	p := problem.New()
	s := Selection{Only: []string{"lock"}, On: []string{"wal", "x"}, Off: []string{"wal"}}
	s.Validate(p.At("collectors"), []string{"locks", "wal"})
	want := []problem.Problem{
		{Path: "collectors.only[0]", Text: "no collector is called lock; did you mean locks?"},
		{Path: "collectors.on[1]", Text: "no collector is called x; there are locks, wal"},
		{Path: "collectors", Text: "only stands alone: with it nothing else is on, and nothing is left to be put off"},
		{Path: "collectors", Text: "wal is both on and off; strike it from one list"},
	}
	if d := cmp.Diff(want, p.All()); d != "" {
		t.Error(d)
	}
}
