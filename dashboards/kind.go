package dashboards

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/alerts/rules"
	"tocsin/bricks"
)

// ofKind is what a selector begins with on the dashboard of one kind.
func ofKind(k bricks.Kind) string { return scope + `,kind="` + k.Name + `"` }

// panels draws what a kind wants drawn. A kind writes its rates over [5m]; here
// they follow the zoom.
func panels(l *limits, k bricks.Kind) []panel {
	var out []panel
	for _, want := range k.Panels {
		var queries []query
		for _, q := range want.Queries {
			queries = append(queries, ask(strings.NewReplacer("$selector", ofKind(k), "[5m]", "[$__rate_interval]").Replace(q.Expr), q.Legend))
		}
		var p panel
		switch want.Type {
		case "stat":
			p = stat(want.Title, want.Description, want.Unit, "Not measured", queries...).size(6, 5)
		case "table":
			p = list(want.Title, want.Description, want.Unit, queries...)
		default:
			p = series(want.Title, want.Description, want.Unit, queries...)
		}
		if p.FieldConfig.Defaults.Unit == "" {
			p.FieldConfig.Defaults.Unit = "short"
		}
		if r, ok := rules.Find(l.files, want.Rule); ok && r.Threshold.Adjustable() {
			p = p.ringing(l, want.Rule)
		}
		out = append(out, p)
	}
	return out
}

// list is a table whose columns are all labels of the results, but those that
// a target has, and one column for each query, called by its legend.
func list(title, description, unit string, queries ...query) panel {
	p := newPanel("table", title, description, 12, 8, queries).instant("table")
	p.FieldConfig.Defaults = field{
		Unit: unit, NoValue: "–", Custom: map[string]any{"align": "auto", "displayMode": "auto", "filterable": true},
	}
	p.Options = tableOptions{ShowHeader: true}
	names, hidden := map[string]string{"instance": "Brick"}, map[string]bool{"Time": true, "__name__": true}
	for _, l := range []string{"job", "brick", "kind", "from"} {
		hidden[l] = true
	}
	for i, q := range queries {
		key := "Value"
		if len(queries) > 1 {
			key = "Value #" + p.Targets[i].RefID
		}
		names[key] = q.legend
		if q.legend == "" {
			names[key] = title
		}
		p.Targets[i].LegendFormat = ""
	}
	if len(queries) > 1 {
		p.Transformations = append(p.Transformations, transformation{ID: "merge", Options: struct{}{}})
	}
	p.Transformations = append(p.Transformations,
		transformation{ID: "organize", Options: organize{ExcludeByName: hidden, IndexByName: map[string]int{}, RenameByName: names}})
	return p
}

// kindUID is the fixed name of a kind's dashboard in addresses.
func kindUID(k bricks.Kind) string {
	const longest = 40
	uid := brickUID + "-" + k.Name
	return uid[:min(len(uid), longest)]
}

// drawKind draws the bricks of one kind: what every brick has, and what the
// kind is about. It is nil where the kind has no panels of its own.
func drawKind(l *limits, k bricks.Kind) *board {
	if len(k.Panels) == 0 {
		return nil
	}
	about := strings.TrimSpace(k.About)
	if about == "" {
		about = "What is measured of it."
	}
	b := draw(kindUID(k), "Brick: "+k.Title, about, "kind", fmt.Sprintf(`brick_up{kind=%q}`, k.Name), fmt.Sprintf(`,kind=%q`, k.Name),
		append([]section{{title: "$instance", repeat: "instance", panels: panels(l, k)}}, common(l, ofKind(k))...)...)
	return &b
}

// sorted puts kinds in the order of their names.
func sorted(kinds []bricks.Kind) []bricks.Kind {
	return slices.SortedFunc(slices.Values(kinds), func(a, b bricks.Kind) int { return strings.Compare(a.Name, b.Name) })
}
