package custom

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/strict"
)

// oldQuery is one of a queries.yaml (postgres_exporter, README, "Adding new
// metrics via a config file").
type oldQuery struct {
	Query        string                 `yaml:"query"`
	Metrics      []map[string]oldColumn `yaml:"metrics"`
	Master       bool                   `yaml:"master"`        // in the DSN's own database alone
	CacheSeconds uint32                 `yaml:"cache_seconds"` // how long an answer serves
	RunOnServer  string                 `yaml:"runonserver"`   // versions of servers that it is asked on
}

type oldColumn struct {
	Usage       string             `yaml:"usage"`
	Description string             `yaml:"description"`
	Mapping     map[string]float64 `yaml:"metric_mapping"` // of MAPPEDMETRIC
	Versions    string             `yaml:"pg_version"`     // versions of servers that have the column
}

var usages = []string{"DISCARD", "LABEL", "COUNTER", "GAUGE", "HISTOGRAM", "MAPPEDMETRIC", "DURATION"}

// oldRows is how many rows a query of a queries.yaml may give: the file has no
// key for it.
const oldRows = 5000

// oldReader reads one queries.yaml.
type oldReader struct {
	at        strict.Positions
	faults    []strict.Fault
	databases string
}

func (r *oldReader) addf(path, format string, args ...any) {
	pos, path := r.at.Find(path)
	r.faults = append(r.faults, strict.Fault{Line: pos.Line, Column: pos.Column, Path: path, Text: fmt.Sprintf(format, args...)})
}

// ReadOld reads a queries.yaml of postgres_exporter. Databases are those in
// which its queries are asked that are not marked master. The plans come in the
// order of the file, the faults with their places in it.
func ReadOld(text []byte, databases string) ([]*Plan, []strict.Fault) {
	var all map[string]oldQuery
	r := &oldReader{databases: databases}
	r.at, r.faults = strict.Decode(text, &all)
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(r.at[a].Line, r.at[b].Line), cmp.Compare(r.at[a].Column, r.at[b].Column))
	})
	broken := len(r.faults) > 0
	var plans []*Plan
	for _, name := range names {
		plans = append(plans, r.plan(name, all[name]))
	}
	if broken { // what else is wrong may follow from it
		r.faults = slices.DeleteFunc(r.faults, func(f strict.Fault) bool { return strings.HasPrefix(f.Text, "is missing") })
	}
	return plans, strict.Sort(r.faults)
}

func (r *oldReader) plan(name string, q oldQuery) *Plan {
	plan := &Plan{Name: name, SQL: q.Query, Every: time.Duration(q.CacheSeconds) * time.Second, Rows: oldRows, old: true}
	if !queryName().MatchString(name) && badName(name) != "" {
		r.addf(name, "%s", badName(name))
	}
	if strings.TrimSpace(q.Query) == "" {
		r.addf(name, "is missing query; write the statement")
	} else if len(q.Query) > maxSQL {
		r.addf(name+".query", "must be one statement of at most 64 KiB")
	}
	if plan.Every > mostEvery {
		r.addf(name+".cache_seconds", "%d is more than a day; write 86400 at most", q.CacheSeconds)
	}
	if !q.Master {
		plan.Databases = r.databases
	}
	plan.versions = r.versions(name+".runonserver", q.RunOnServer)
	if len(q.Metrics) == 0 {
		r.addf(name, "is missing metrics; write its columns, as metrics: [{count: {usage: GAUGE, description: How many there are}}]")
	}
	for i, columns := range q.Metrics {
		at := fmt.Sprintf("%s.metrics[%d]", name, i)
		for column, c := range columns {
			r.column(at+"."+column, plan, column, c)
		}
		if len(columns) != 1 {
			r.addf(at, "must be one column, as - count: {usage: GAUGE, description: How many there are}; it has %d", len(columns))
		}
	}
	return plan.complete()
}

func (r *oldReader) column(at string, plan *Plan, name string, c oldColumn) {
	if slices.Contains(plan.labels, name) || slices.ContainsFunc(plan.columns, func(o column) bool { return o.name == name }) {
		r.addf(at, "is listed twice; keep one")
		return
	}
	if c.Usage == "LABEL" {
		if text := badLabel(name); text != "" {
			r.addf(at, "%s", text)
		}
		plan.labels = append(plan.labels, name)
		return
	}
	col := column{name: name, versions: r.versions(at+".pg_version", c.Versions)}
	family := &frame.Family{Name: plan.Name + "_" + name, Type: frame.Gauge, Help: cmp.Or(c.Description, "Column "+name+" of the query.")}
	switch c.Usage {
	case "COUNTER":
		family.Type = frame.Counter
	case "GAUGE":
	case "HISTOGRAM":
		col.usage, family.Type = histogram, frame.Untyped
	case "MAPPEDMETRIC":
		col.usage, col.mapping = mapped, c.Mapping
		if len(c.Mapping) == 0 {
			r.addf(at, "is missing metric_mapping; write which text is which number, as metric_mapping: {up: 1, down: 0}")
		}
	case "DURATION":
		col.usage = duration
		family.Name += "_milliseconds"
	case "DISCARD":
		col.usage, family = discard, nil
	case "":
		r.addf(at, "is missing usage; write one of %s", strings.Join(usages, ", "))
	default:
		hint := "write one of " + strings.Join(usages, ", ")
		if near := strict.Nearest(c.Usage, usages); near != "" {
			hint = "write " + near
		}
		r.addf(at+".usage", "%q is no usage; %s", c.Usage, hint)
	}
	if len(c.Mapping) > 0 && col.usage != mapped {
		r.addf(at+".metric_mapping", "is for usage: MAPPEDMETRIC alone; take it away, or change the usage")
	}
	if family != nil && badName(family.Name) != "" {
		r.addf(at, "%s", badName(family.Name))
	}
	col.family = family
	plan.columns = append(plan.columns, col)
}

func (r *oldReader) versions(at, text string) versions {
	v, err := parseVersions(text)
	if err != nil {
		r.addf(at, "%v", err)
	}
	return v
}
