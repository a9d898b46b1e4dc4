package custom

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"tocsin/internal/problem"
	"tocsin/internal/strict"
)

// Load reads the files of queries and makes all queries ready. A name that
// others on the page have is refused in the site file; in a queries.yaml, which
// tells much that postgres_exporter learnt to tell by itself, it is left out,
// and a warning says so. What is wrong is added to p, what stands in a file
// with its place there.
func (c *Config) Load(p problem.List, taken func(name string) bool) (plans []*Plan, warnings []string) {
	owner := map[string]string{}
	claim := func(name, query string) string {
		if first := owner[name]; first != "" {
			return "query " + first + " tells it already"
		}
		if taken(name) {
			return "Tocsin tells it by itself"
		}
		owner[name] = query
		return ""
	}
	for i := range c.Queries {
		q, at := &c.Queries[i], p.At("queries").Index(i)
		for j, m := range q.Metrics {
			if why := claim(q.metricName(m), q.Name); why != "" {
				at.At("metrics").Index(j).At("name").Addf("%s: %s; write another name", q.metricName(m), why)
			}
		}
		sql, err := q.SQL, error(nil)
		if q.SQLFile != "" {
			var text []byte
			text, err = read(q.SQLFile)
			sql = string(text)
		}
		if err == nil && q.SQLFile != "" && (strings.TrimSpace(sql) == "" || len(sql) > maxSQL) {
			err = fmt.Errorf("%s must have one statement of at most 64 KiB", q.SQLFile)
		}
		if err != nil {
			addOnce(at.At("sql_file"), err)
			continue
		}
		plans = append(plans, q.plan(sql))
	}
	names := map[string]bool{}
	for i, file := range c.QueriesFiles {
		at := p.At("queries_files").Index(i)
		text, err := read(file)
		if err != nil {
			addOnce(at, err)
			continue
		}
		old, faults := ReadOld(text, c.QueriesDatabases)
		for _, f := range faults {
			at.Addf("%s", strings.TrimPrefix((&strict.Error{File: file, Faults: []strict.Fault{f}}).Error(), ": "))
		}
		for _, plan := range old {
			if names[plan.Name] {
				at.Addf("%s: %s: another file has a query of this name; rename one", file, plan.Name)
				continue
			}
			names[plan.Name] = true
			struck := plan.without(func(name string) bool { return claim(name, plan.Name) != "" })
			if len(struck) > 0 {
				warnings = append(warnings, fmt.Sprintf("%s: %s: %s told already, and left out of this query", file, plan.Name, few(struck)))
			}
			if !plan.tellsNothing() {
				plans = append(plans, plan)
			}
		}
	}
	return plans, warnings
}

// few names some of many.
func few(names []string) string {
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more are", strings.Join(names[:2], ", "), len(names)-2)
	}
	if len(names) == 1 {
		return names[0] + " is"
	}
	return strings.Join(names, ", ") + " are"
}

// addOnce tells what keeps a file from being read, if nobody has yet.
func addOnce(p problem.List, err error) {
	if !slices.ContainsFunc(p.All(), func(f problem.Problem) bool { return f.Path == p.Path() }) {
		p.Addf("%v", err)
	}
}

// read reads a file of queries, up to what a site file may have.
func read(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read; write the path of a file that this user may read", name)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, strict.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read", name)
	}
	if len(text) > strict.MaxSize {
		return nil, errors.New(name + " is larger than 1 MiB; this is not the file that was meant")
	}
	return text, nil
}
