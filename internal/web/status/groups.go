package status

// maxOpen is how many rows that want to be looked at are shown unfolded.
const maxOpen = 50

// row is what a table of groups has.
type row interface{ level() string }

// A group is a part of a list under a summary of its own. A long list is
// three: what wants to be looked at, more of that, and what is fine, the
// latter two folded.
type group[R row] struct {
	W     *words
	Title string
	State mark
	Open  bool
	Rows  []R
}

// grouped parts rows, which are in the order in which they are to be shown.
// count says how many they are, allFine that nothing is wrong with them, of how
// many of all nothing is.
func grouped[R row](p *pen, rows []R, count, allFine, of string) []group[R] {
	var look, fine []R
	worst := good
	for _, r := range rows {
		if r.level() == good {
			fine = append(fine, r)
			continue
		}
		look = append(look, r)
		worst = worse(worst, r.level())
	}
	named := func(rows []R, state mark, open bool) group[R] {
		return group[R]{W: &p.w, Title: p.w.count(count, len(rows)), State: state, Open: open, Rows: rows}
	}
	switch {
	case len(rows) == 0:
		return nil
	case len(look) == 0:
		return []group[R]{named(rows, newMark(good, allFine), len(rows) <= foldFrom)}
	case len(rows) <= foldFrom:
		return []group[R]{named(rows, newMark(worst, p.w.countOf(of, len(fine), len(rows))), true)}
	}
	var groups []group[R]
	n := min(len(look), maxOpen)
	groups = append(groups, named(look[:n], newMark(worst, p.w.Look), true))
	if len(look) > n {
		groups = append(groups, named(look[n:], newMark(worst, p.w.LookToo), false))
	}
	if len(fine) > 0 {
		groups = append(groups, named(fine, newMark(good, allFine), false))
	}
	return groups
}

// worse returns the graver one of two levels.
func worse(a, b string) string {
	grave := map[string]int{quiet: 1, warn: 2, bad: 3}
	if grave[b] > grave[a] {
		return b
	}
	return a
}
