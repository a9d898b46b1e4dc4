package status

import (
	"cmp"
	"slices"
	"strings"
)

// How many parts of a brick are named.
const (
	maxFailed   = 10
	maxMissing  = 100
	openMissing = 3 // so few are shown unfolded
)

type brickView struct {
	W                *words
	Name, Kind, Host string
	State            mark
	Since            moment
	Why, Detail      string
	Version          string
	Failed           []partView
	Missing          []partView
	MissingCount     string
	MissingOpen      bool
	MissingMore      string
}

func (v brickView) level() string { return v.State.Level }

type partView struct{ Name, Why, Detail string }

// bricks lists those that are down first.
func (p *pen) bricks(bricks []Brick) []group[brickView] {
	sorted := slices.Clone(bricks)
	grave := map[State]int{Trouble: 0, Down: 1, Partial: 2, Unknown: 3, Good: 4}
	slices.SortStableFunc(sorted, func(a, b Brick) int {
		return cmp.Or(cmp.Compare(grave[a.State], grave[b.State]), strings.Compare(a.Name, b.Name))
	})
	views := make([]brickView, len(sorted))
	for i := range sorted {
		views[i] = p.brick(&sorted[i])
	}
	return grouped(p, views, p.w.BricksOf, p.w.AllFine, p.w.Of)
}

func (p *pen) brick(b *Brick) brickView {
	v := brickView{
		W:    &p.w,
		Name: p.w.clean(b.Name, maxName), Kind: p.w.clean(b.Kind, maxName), Host: p.w.clean(b.Host, maxName),
		State: p.stateMark(b.State), Since: p.at(b.Since), Version: p.w.clean(b.Version, maxName),
		Why:    p.because(brickReasons(), b.Reason),
		Detail: p.w.clean(beyond(brickReasons(), b.Reason, b.Detail), maxDetail),
	}
	switch b.State {
	case Trouble:
		v.State.Text = p.w.BrickDown
	case Unknown:
		v.State.Text = p.w.BrickUnknown
	}
	for _, f := range b.Failed[:min(len(b.Failed), maxFailed)] {
		if b.Reason == "" || f.Detail != b.Detail { // else it is why the brick is down, and said
			v.Failed = append(v.Failed, p.part(f, brickReasons()))
		}
	}
	for _, m := range b.Missing[:min(len(b.Missing), maxMissing)] {
		v.Missing = append(v.Missing, p.part(m, missingReasons()))
	}
	if n := len(b.Missing); n > 0 {
		v.MissingCount, v.MissingOpen = p.w.count(p.w.MissingOf, n), n <= openMissing
		if n > maxMissing {
			v.MissingMore = p.w.count(p.w.AndMore, n-maxMissing)
		}
	}
	return v
}

func (p *pen) part(part Part, reasons map[string][2]string) partView {
	return partView{
		Name: p.w.clean(part.Name, maxName), Why: p.because(reasons, part.Reason),
		Detail: p.w.clean(beyond(reasons, part.Reason, part.Detail), maxDetail),
	}
}
