package dashboards

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/bricks"
)

// kinds are those that ship.
func kinds(t *testing.T) []bricks.Kind {
	t.Helper()
	k, err := bricks.Load()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var update = flag.Bool("update", false, "write the generated dashboards")

// TestFiles_areCurrent holds the checked-in dashboards to the code, byte by
// byte, and leaves none over that the code no longer draws.
func TestFiles_areCurrent(t *testing.T) {
	files, err := Files(kinds(t))
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[string]bool{}
	for _, f := range files {
		drawn[f.Name] = true
		if *update {
			if err := os.WriteFile(f.Name, f.Text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		have, err := os.ReadFile(f.Name)
		if err != nil {
			t.Errorf("%v: run go test ./dashboards -update", err)
			continue
		}
		if diff := cmp.Diff(string(have), string(f.Text)); diff != "" {
			t.Errorf("%s is not what the code draws; run go test ./dashboards -update:\n%s", f.Name, diff)
		}
	}
	there, err := filepath.Glob("*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range there {
		if !drawn[name] {
			t.Errorf("no code draws %s any more: delete it", name)
		}
	}
}

// TestFlow_fillsTheGrid puts panels beside one another as long as they fit.
func TestFlow_fillsTheGrid(t *testing.T) {
	sized := func(w, h int) panel { return panel{GridPos: place{W: w, H: h}} }
	var got []place
	for _, p := range flow([]section{
		{title: "a", panels: []panel{sized(12, 8), sized(6, 4), sized(8, 3), sized(24, 5)}},
		{title: "b", panels: []panel{sized(4, 4)}},
	}) {
		got = append(got, p.GridPos)
	}
	want := []place{
		{H: 1, W: 24, X: 0, Y: 0},
		{H: 8, W: 12, X: 0, Y: 1},
		{H: 4, W: 6, X: 12, Y: 1},
		{H: 3, W: 8, X: 0, Y: 9},
		{H: 5, W: 24, X: 0, Y: 12},
		{H: 1, W: 24, X: 0, Y: 17},
		{H: 4, W: 4, X: 0, Y: 18},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
