package dashboards

import (
	"strings"
)

// scope is what every selector begins with: the variables of a dashboard.
const scope = `job=~"$job",instance=~"$instance"`

// scoped writes out an expression: $scope stands for the matchers of job and
// instance. It is laid out on one line.
func scoped(expr string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(expr, "$scope", scope)), " ")
}

func prometheus() source { return source{Type: "prometheus", UID: "${datasource}"} }

// query is one question of a panel.
type query struct{ expr, legend string }

// ask makes a query; legend may name labels, as {{instance}}.
func ask(expr, legend string) query { return query{expr, legend} }

func newPanel(kind, title, description string, w, h int, queries []query) panel {
	from := prometheus()
	p := panel{
		Type: kind, Title: title, Description: description, GridPos: place{W: w, H: h}, Datasource: &from,
		FieldConfig: &fieldConfig{Overrides: []override{}},
	}
	for i, q := range queries {
		p.Targets = append(p.Targets, target{
			RefID: string(rune('A' + i)), Datasource: prometheus(), Expr: scoped(q.expr), LegendFormat: q.legend,
			Format: "time_series", Range: true,
		})
	}
	return p
}

// instant makes all queries ask for the newest value only.
func (p panel) instant(format string) panel {
	for i := range p.Targets {
		p.Targets[i].Instant, p.Targets[i].Range, p.Targets[i].Format = true, false, format
	}
	return p
}

// stat is one number, as it is now. none is what it says where there is none.
func stat(title, description, unit, none string, queries ...query) panel {
	p := newPanel("stat", title, description, 4, 4, queries).instant("time_series")
	p.FieldConfig.Defaults = field{
		Unit: unit, NoValue: none, Color: &colour{Mode: "thresholds"},
		Thresholds: &thresholds{Mode: "absolute", Steps: []step{{Color: neutral}}},
	}
	p.Options = statOptions{
		ColorMode: "value", GraphMode: "none", JustifyMode: "auto", TextMode: "auto", Orientation: "auto",
		ReduceOptions: reduce{Calcs: []string{"lastNotNull"}},
	}
	return p
}

// series is values over time.
func series(title, description, unit string, queries ...query) panel {
	p := newPanel("timeseries", title, description, 12, 8, queries)
	p.FieldConfig.Defaults = field{
		Unit: unit, NoValue: "No data", Color: &colour{Mode: "palette-classic"},
		Custom: map[string]any{"fillOpacity": 10, "lineWidth": 1, "showPoints": "never", "spanNulls": false},
	}
	p.Options = seriesOptions{
		Legend:  legend{DisplayMode: "list", Placement: "bottom", ShowLegend: true, Calcs: []string{}},
		Tooltip: tooltip{Mode: "multi", Sort: "desc"},
	}
	return p
}

// states is bands over time, whose values are states.
func states(title, description string, words []mapping, queries ...query) panel {
	p := newPanel("state-timeline", title, description, 24, 8, queries)
	p.FieldConfig.Defaults = field{
		Unit: "none", NoValue: "No data", Color: &colour{Mode: "thresholds"}, Mappings: words,
		Thresholds: &thresholds{Mode: "absolute", Steps: []step{{Color: unknown}}},
		Custom:     map[string]any{"fillOpacity": 80, "lineWidth": 0},
	}
	p.Options = stateOptions{
		MergeValues: true, ShowValue: "never", RowHeight: 0.8,
		Legend:  legend{DisplayMode: "list", Placement: "bottom", ShowLegend: false, Calcs: []string{}},
		Tooltip: tooltip{Mode: "single", Sort: "none"},
	}
	return p
}

// bars is one bar a series, as they are now.
func bars(title, description, unit string, queries ...query) panel {
	p := newPanel("bargauge", title, description, 12, 8, queries).instant("time_series")
	p.FieldConfig.Defaults = field{
		Unit: unit, NoValue: "No data", Color: &colour{Mode: "thresholds"},
		Thresholds: &thresholds{Mode: "absolute", Steps: []step{{Color: neutral}}},
	}
	p.Options = barOptions{
		DisplayMode: "basic", Orientation: "horizontal", ShowUnfilled: true,
		ReduceOptions: reduce{Calcs: []string{"lastNotNull"}},
	}
	return p
}

// The options of each kind of panel, as far as they differ from Grafana's own.
type (
	statOptions struct {
		ColorMode     string `json:"colorMode"`
		GraphMode     string `json:"graphMode"`
		JustifyMode   string `json:"justifyMode"`
		Orientation   string `json:"orientation"`
		ReduceOptions reduce `json:"reduceOptions"`
		TextMode      string `json:"textMode"`
	}
	seriesOptions struct {
		Legend  legend  `json:"legend"`
		Tooltip tooltip `json:"tooltip"`
	}
	stateOptions struct {
		MergeValues bool    `json:"mergeValues"`
		ShowValue   string  `json:"showValue"`
		RowHeight   float64 `json:"rowHeight"`
		Legend      legend  `json:"legend"`
		Tooltip     tooltip `json:"tooltip"`
	}
	barOptions struct {
		DisplayMode   string `json:"displayMode"`
		Orientation   string `json:"orientation"`
		ReduceOptions reduce `json:"reduceOptions"`
		ShowUnfilled  bool   `json:"showUnfilled"`
	}
	reduce struct {
		Calcs  []string `json:"calcs"`
		Fields string   `json:"fields"`
		Values bool     `json:"values"`
	}
	legend struct {
		Calcs       []string `json:"calcs"`
		DisplayMode string   `json:"displayMode"`
		Placement   string   `json:"placement"`
		ShowLegend  bool     `json:"showLegend"`
	}
	tooltip struct {
		Mode string `json:"mode"`
		Sort string `json:"sort"`
	}
)
