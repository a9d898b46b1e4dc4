package custom

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/frame"
	"tocsin/internal/lazy"
	"tocsin/internal/problem"
)

// Config is a server's own queries.
type Config struct {
	// Queries are statements whose rows become metrics.
	Queries []Query `yaml:"queries,omitempty"`
	// QueriesFiles are files of queries in the form of postgres_exporter's
	// queries.yaml.
	QueriesFiles []string `yaml:"queries_files,omitempty"`
	// QueriesDatabases chooses the databases in which the queries of those files
	// are asked that are not marked master, as a regular expression (RE2); the
	// DSN's own if left out.
	QueriesDatabases string `yaml:"queries_databases,omitempty"`
}

// A Query is one statement whose rows become metrics.
type Query struct {
	// Name is what it is called in messages; metrics are called after it unless
	// they have names of their own.
	Name string `yaml:"name"`
	// SQL is one statement that only reads.
	SQL string `yaml:"sql,omitempty"`
	// SQLFile is a file that has it.
	SQLFile string `yaml:"sql_file,omitempty"`
	// Labels are the columns that tell the rows apart.
	Labels []string `yaml:"labels,omitempty"`
	// Metrics are the columns that are numbers. Other columns are not looked at.
	Metrics []Metric `yaml:"metrics"`
	// Databases chooses the databases in which it is asked, as a regular
	// expression (RE2); the DSN's own if left out. What databases.exclude excludes
	// is not asked. With it each series has the label datname.
	Databases string `yaml:"databases,omitempty"`
	// Every is how often it is asked; at each scrape if left out, or each 5m
	// with databases.
	Every model.Duration `yaml:"every,omitempty"`
	// Timeout is how long it may take in one database.
	Timeout model.Duration `yaml:"timeout,omitempty"`
	// Rows is how many rows it may give; more are left out and told.
	Rows int `yaml:"rows,omitempty"`
}

// A Metric is a column that is a number.
type Metric struct {
	// Column is what the statement calls it.
	Column string `yaml:"column"`
	// Name is the metric's; the query's and the column's, with _ between, if left
	// out.
	Name string `yaml:"name,omitempty"`
	// Type is gauge or counter.
	Type string `yaml:"type"`
	// Help says what it tells.
	Help string `yaml:"help"`
}

// What a query need not say, and what it may.
const (
	defaultTimeout = 3 * time.Second
	maxTimeout     = time.Minute
	defaultEvery   = 5 * time.Minute // where databases are walked
	leastEvery     = time.Second
	mostEvery      = 24 * time.Hour
	defaultRows    = 1000
	maxRows        = 10_000
	maxSQL         = 64 << 10
)

var (
	queryName  = lazy.Regexp(`^[a-z][a-z0-9_]{0,62}$`)
	metricName = lazy.Regexp(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	labelName  = lazy.Regexp(`^[a-zA-Z][a-zA-Z0-9_]*$|^_[a-zA-Z0-9][a-zA-Z0-9_]*$`)
)

// IsZero tells that there are none.
func (c *Config) IsZero() bool { return len(c.Queries) == 0 && len(c.QueriesFiles) == 0 }

// Validate adds what is wrong in the site file itself. Files are proved by
// Load.
func (c *Config) Validate(p problem.List) {
	if _, err := regexp.Compile(c.QueriesDatabases); err != nil {
		p.At("queries_databases").Addf("is no regular expression; write one as ^wcs_, or . for all databases")
	}
	if c.QueriesDatabases != "" && len(c.QueriesFiles) == 0 {
		p.At("queries_databases").Addf("is about queries_files, of which there are none; write databases at a query")
	}
	names := map[string]int{}
	for i := range c.Queries {
		q, at := &c.Queries[i], p.At("queries").Index(i)
		q.validate(at)
		if first, twice := names[q.Name]; twice && q.Name != "" {
			at.At("name").Addf("%s is the name of queries[%d] already; write another one", q.Name, first)
		} else {
			names[q.Name] = i
		}
	}
}

func (q *Query) validate(p problem.List) {
	switch {
	case q.Name == "":
		p.At("name").Addf("is missing; write what it tells, as shop_orders")
	case !queryName().MatchString(q.Name):
		p.At("name").Addf("must be small letters, digits and _, and begin with a letter; write one as shop_orders")
	}
	switch {
	case q.SQL == "" && q.SQLFile == "":
		p.At("sql").Addf("is missing; write a statement, as SELECT state, count(*) AS number FROM orders GROUP BY state")
	case q.SQL != "" && q.SQLFile != "":
		p.At("sql_file").Addf("sql is given too; keep one of the two")
	case strings.TrimSpace(q.SQL) == "" && q.SQLFile == "", len(q.SQL) > maxSQL:
		p.At("sql").Addf("must be one statement of at most 64 KiB")
	}
	if _, err := regexp.Compile(q.Databases); err != nil {
		p.At("databases").Addf("is no regular expression; write one as ^wcs_, or . for all databases")
	}
	q.validateBounds(p)
	for i, l := range q.Labels {
		if text := badLabel(l); text != "" {
			p.At("labels").Index(i).Addf("%s", text)
		} else if slices.Index(q.Labels, l) < i {
			p.At("labels").Index(i).Addf("is written twice; keep one")
		}
	}
	if len(q.Metrics) == 0 {
		p.At("metrics").Addf("is missing; write the columns that are numbers, as [{column: number, type: gauge, help: Orders by state.}]")
	}
	for i := range q.Metrics {
		q.validateMetric(p.At("metrics").Index(i), q.Metrics[i])
	}
}

func (q *Query) validateBounds(p problem.List) {
	if d := time.Duration(q.Every); d != 0 && (d < leastEvery || d > mostEvery) {
		p.At("every").Addf("%s is not between %s and %s", q.Every, leastEvery, mostEvery)
	}
	if d := time.Duration(q.Timeout); d != 0 && (d < 10*time.Millisecond || d > maxTimeout) {
		p.At("timeout").Addf("%s is not between 10ms and %s; usual is %s", q.Timeout, maxTimeout, defaultTimeout)
	} else if q.Every == 0 && q.Databases == "" && d > 5*time.Second {
		p.At("timeout").Addf("%s is longer than a scrape waits; write every too, as 1m, and the query gets a clock of its own", q.Timeout)
	} else if e := time.Duration(q.Every); e > 0 && d > e {
		p.At("timeout").Addf("%s is longer than every, %s", q.Timeout, q.Every)
	}
	if q.Rows < 0 || q.Rows > maxRows {
		p.At("rows").Addf("%d is not between 1 and %d; usual is %d", q.Rows, maxRows, defaultRows)
	}
}

func (q *Query) validateMetric(p problem.List, m Metric) {
	switch {
	case m.Column == "":
		p.At("column").Addf("is missing; write what the statement calls it")
	case slices.Contains(q.Labels, m.Column):
		p.At("column").Addf("%s is a label already; a column is one of the two", m.Column)
	}
	if text := badName(q.metricName(m)); text != "" && m.Column != "" {
		p.At("name").Addf("%s", text)
	}
	if m.Type != "gauge" && m.Type != "counter" {
		p.At("type").Addf("must be gauge (goes up and down) or counter (only grows)")
	}
	if strings.TrimSpace(m.Help) == "" {
		p.At("help").Addf("is missing; write what the number tells, with its unit")
	}
}

func (q *Query) metricName(m Metric) string {
	if m.Name != "" {
		return m.Name
	}
	return q.Name + "_" + m.Column
}

func badName(name string) string {
	switch {
	case !metricName().MatchString(name) || len(name) > 200:
		return "makes the metric's name, which must be letters, digits and _; write one as shop_orders"
	case strings.HasPrefix(name, "tocsin_"):
		return name + " begins as Tocsin's own metrics do; write a name of the application's"
	}
	return ""
}

func badLabel(name string) string {
	switch {
	case !labelName().MatchString(name) || len(name) > 64:
		return "is no name of a label: letters, digits and _; give the column another one by AS"
	case name == "job" || name == "instance":
		return name + " is put on by whoever scrapes; give the column another name by AS"
	case name == "le" || name == "quantile":
		return name + " has a meaning of its own; give the column another name by AS"
	}
	return ""
}

// plan makes a query of the site file ready. It was validated.
func (q *Query) plan(sql string) *Plan {
	plan := &Plan{
		Name: q.Name, SQL: sql, Databases: q.Databases, Every: time.Duration(q.Every), Timeout: time.Duration(q.Timeout), Rows: q.Rows,
		labels: q.Labels,
	}
	for _, m := range q.Metrics {
		t := frame.Gauge
		if m.Type == "counter" {
			t = frame.Counter
		}
		plan.columns = append(plan.columns, column{name: m.Column, usage: number, family: &frame.Family{Name: q.metricName(m), Type: t, Help: m.Help}})
	}
	return plan.complete()
}
