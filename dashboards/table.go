package dashboards

// column is one column of a table: either the values of a query, or a label
// of the rows (expr empty). A query without a name only makes the rows; its
// values are not shown.
type column struct {
	name  string // in the head
	expr  string
	label string

	unit     string
	decimals int
	rules    []string // that colour the cell
	words    []mapping
	to       string // uid of the dashboard that a click leads to; for this row, where the column is instance
}

// table has a row for each set of labels, and a column for each query. Labels
// that are no column are not shown; the queries must agree on the others, or
// Grafana would make several rows of what is one.
func table(l *limits, title, description string, cols ...column) panel {
	var queries []query
	for _, c := range cols {
		if c.expr != "" {
			queries = append(queries, ask(c.expr, ""))
		}
	}
	p := newPanel("table", title, description, 24, 8, queries).instant("table")
	p.FieldConfig.Defaults = field{
		NoValue: "–", Unit: "none", Custom: map[string]any{"align": "auto", "displayMode": "auto", "filterable": true},
	}
	p.Options = tableOptions{ShowHeader: true}
	order, names := map[string]int{}, map[string]string{}
	n := 0
	keep := make([]string, 0, len(cols))
	for i, c := range cols {
		key := c.label
		if c.expr != "" {
			key = "Value #" + p.Targets[n].RefID
			if len(queries) == 1 {
				key = "Value"
			}
			n++
		}
		if c.name == "" {
			continue
		}
		keep = append(keep, key)
		order[key], names[key] = i, c.name
		if o := c.override(l, &p); len(o.Properties) > 0 {
			p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, o)
		}
	}
	if len(queries) > 1 {
		p.Transformations = append(p.Transformations, transformation{ID: "merge", Options: struct{}{}})
	}
	p.Transformations = append(p.Transformations,
		transformation{ID: "filterFieldsByName", Options: filter{Include: include{Names: keep}}},
		transformation{ID: "organize", Options: organize{ExcludeByName: struct{}{}, IndexByName: order, RenameByName: names}},
	)
	return p
}

// override is how the column's cells are drawn.
func (c column) override(l *limits, p *panel) override {
	o := override{Matcher: matcher{ID: "byName", Options: c.name}, Properties: []property{}}
	set := func(id string, value any) { o.Properties = append(o.Properties, property{id, value}) }
	if c.unit != "" {
		set("unit", c.unit)
		set("decimals", c.decimals)
	}
	if c.words != nil {
		set("mappings", c.words)
		set("custom.displayMode", "color-text")
	}
	if c.rules != nil {
		set("thresholds", l.steps(c.rules...))
		set("custom.displayMode", "color-text")
		p.rules = append(p.rules, c.rules...)
		p.Description += " " + c.name + ": " + l.told(c.rules...)
	}
	if c.to != "" {
		url := address(c.to)
		if c.label == "instance" {
			url += "&var-instance=${__value.text}"
		}
		set("links", []cellLink{{Title: "Look closer", URL: url}})
	}
	return o
}

type (
	tableOptions struct {
		ShowHeader bool `json:"showHeader"`
	}
	filter struct {
		Include include `json:"include"`
	}
	include struct {
		Names []string `json:"names"`
	}
	organize struct {
		ExcludeByName any               `json:"excludeByName"`
		IndexByName   map[string]int    `json:"indexByName"`
		RenameByName  map[string]string `json:"renameByName"`
	}
)
