package dashboards

// suite is the tag that all our dashboards have, by which they find one
// another.
const suite = "tocsin"

// The dashboards' fixed names in addresses.
const (
	overviewUID = "tocsin-overview"
	hostUID     = "tocsin-host"
	probesUID   = "tocsin-probes"
	brickUID    = "tocsin-brick"
	updatesUID  = "tocsin-updates"
	postgresUID = "tocsin-postgres"
	rabbitmqUID = "tocsin-rabbitmq"
)

// draw makes a dashboard. Of is the metric that its targets are known by, with
// its matchers: the variables job and instance list what has it.
func draw(uid, title, description, area, of, alerts string, sections ...section) board {
	return board{
		UID: uid, Title: title, Description: description, Tags: []string{suite, area}, SchemaVersion: schemaVersion, Version: 1,
		Editable: false, GraphTooltip: 1, Refresh: "30s", Timezone: "browser", Time: span{From: "now-6h", To: "now"},
		Links: []link{{
			Type: "dashboards", Title: "Tocsin", Icon: "external link", Tags: []string{suite},
			AsDropdown: true, IncludeVars: true, KeepTime: true,
		}},
		Templating:  templating{List: variables(of)},
		Annotations: annotations{List: []annotation{firing(alerts)}},
		Panels:      flow(sections),
	}
}

func variables(of string) []variable {
	from := prometheus()
	choice := func(name, label, query string) variable {
		return variable{
			Name: name, Label: label, Type: "query", Datasource: &from,
			Query: variableQuery{Query: query, RefID: name},
			Multi: true, IncludeAll: true, AllValue: ".+", Refresh: 2, Sort: 1,
			Current: &selection{Selected: true, Text: []string{"All"}, Value: []string{"$__all"}},
		}
	}
	return []variable{
		{Name: "datasource", Label: "Data source", Type: "datasource", Query: "prometheus", Refresh: 1},
		choice("job", "Job", "label_values("+of+", job)"),
		choice("instance", "Instance", "label_values("+narrowed(of)+", instance)"),
	}
}

// narrowed is a selector, for the jobs chosen only.
func narrowed(of string) string {
	const chosen = `job=~"$job"`
	if n := len(of); of[n-1] == '}' {
		return of[:n-1] + "," + chosen + "}"
	}
	return of + "{" + chosen + "}"
}

// firing marks on every graph when an alert fired.
func firing(selector string) annotation {
	return annotation{
		Name: "Alerts", Datasource: prometheus(), Enable: true, IconColor: bad, Step: "60s",
		Expr:        scoped(`ALERTS{$scope,alertstate="firing"` + selector + `}`),
		TitleFormat: "{{alertname}}", TextFormat: "{{instance}}", TagKeys: "severity,brick,host",
	}
}
