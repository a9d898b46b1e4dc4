package dashboards

// Grafana's grid has this many columns.
const columns = 24

// section is a row and what stands below it.
type section struct {
	title  string
	repeat string // the variable, each value of which gets a row of its own
	panels []panel
}

// flow gives each panel its id and its place: from left to right, on a new
// line where the rest of one is too narrow; a row begins a line of its own.
func flow(sections []section) []panel {
	var out []panel
	y := 0
	for _, s := range sections {
		open := false
		out = append(out, panel{
			ID: len(out) + 1, Type: "row", Title: s.title, Repeat: s.repeat,
			Collapsed: &open, GridPos: place{H: 1, W: columns, X: 0, Y: y},
		})
		y++
		x, tallest := 0, 0
		for _, p := range s.panels {
			if x+p.GridPos.W > columns {
				x, y, tallest = 0, y+tallest, 0
			}
			p.ID = len(out) + 1
			p.GridPos.X, p.GridPos.Y = x, y
			x += p.GridPos.W
			tallest = max(tallest, p.GridPos.H)
			out = append(out, p)
		}
		y += tallest
	}
	return out
}
