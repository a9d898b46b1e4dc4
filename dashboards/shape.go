package dashboards

// Here is what can be asked of a panel after it was made. Each returns the
// panel changed.

// size sets width and height; 0 leaves one as it is.
func (p panel) size(w, h int) panel {
	if w > 0 {
		p.GridPos.W = w
	}
	if h > 0 {
		p.GridPos.H = h
	}
	return p
}

// ratio fixes the axis, or the length of bars, from 0 to 1.
func (p panel) ratio() panel {
	low, high := 0.0, 1.0
	p.FieldConfig.Defaults.Min, p.FieldConfig.Defaults.Max = &low, &high
	return p
}

// fromZero lets the axis begin at zero.
func (p panel) fromZero() panel {
	low := 0.0
	p.FieldConfig.Defaults.Min = &low
	return p
}

// decimals fixes how many digits stand behind the point.
func (p panel) decimals(n int) panel {
	p.FieldConfig.Defaults.Decimals = &n
	return p
}

// stacked puts the series on one another.
func (p panel) stacked() panel {
	p.FieldConfig.Defaults.Custom["stacking"] = map[string]any{"group": "A", "mode": "normal"}
	p.FieldConfig.Defaults.Custom["fillOpacity"] = 40
	return p
}

// ringing colours the panel as these alert rules ring, and says so.
func (p panel) ringing(l *limits, names ...string) panel {
	p.FieldConfig.Defaults.Thresholds = l.steps(names...)
	p.Description += " " + l.told(names...)
	p.rules = append(p.rules, names...)
	if p.Type == "timeseries" {
		p.FieldConfig.Defaults.Custom["thresholdsStyle"] = map[string]any{"mode": "dashed"}
	}
	return p
}

// counting is green at none and of that colour from one on.
func (p panel) counting(color string) panel {
	one := 1.0
	p.FieldConfig.Defaults.Thresholds = &thresholds{Mode: "absolute", Steps: []step{{Color: good}, {Color: color, Value: &one}}}
	return p.decimals(0)
}

// to adds a link to another dashboard, which is drawn for the same time and
// data source.
func (p panel) to(title, uid string) panel {
	p.Links = append(p.Links, link{Type: "link", Title: title, URL: address(uid), Tags: []string{}})
	return p
}

// address leads to another dashboard.
func address(uid string) string {
	return "/d/" + uid + "?${datasource:queryparam}&${__url_time_range}"
}

// words maps 0 and 1.
func words(zero, zeroColour, one, oneColour string) []mapping {
	return []mapping{{Type: "value", Options: map[string]mapped{
		"0": {Text: zero, Color: zeroColour, Index: 0},
		"1": {Text: one, Color: oneColour, Index: 1},
	}}}
}

func upDown() []mapping { return words("Down", bad, "Up", good) }
