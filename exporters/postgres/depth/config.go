package depth

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/problem"
)

// Config is what of a server's databases is told, and how often.
type Config struct {
	// Databases chooses which databases are walked through; all but templates
	// if left out. The DSN's own is told at each scrape all the same.
	Databases Filter `yaml:"databases,omitempty"`
	// Schemas chooses which schemas the walk tells of; all if left out.
	Schemas Filter `yaml:"schemas,omitempty"`
	// Walk is how often the walk goes through all databases.
	Walk model.Duration `yaml:"walk,omitempty"`
	// Top is how many of each kind are told one by one.
	Top Top `yaml:"top,omitempty"`
}

// A Filter chooses by names. The expressions are not anchored.
type Filter struct {
	// Include is which are told, as a regular expression (RE2).
	Include string `yaml:"include,omitempty"`
	// Exclude is which of them are not.
	Exclude string `yaml:"exclude,omitempty"`
}

// Top is how many are told one by one over the whole server; how many more
// there are is counted.
type Top struct {
	// OwnTables is how many tables of the DSN's own database are told at each
	// scrape: the largest.
	OwnTables int `yaml:"own_tables,omitempty"`
	// Tables is how many tables of the other databases are told: the largest.
	Tables int `yaml:"tables,omitempty"`
	// Schemas is how many schemas are told: the largest.
	Schemas int `yaml:"schemas,omitempty"`
	// Indexes is how many indexes are told: the largest of those that are
	// unused, duplicate or invalid.
	Indexes int `yaml:"indexes,omitempty"`
	// Sequences is how many sequences are told: those nearest to their end.
	Sequences int `yaml:"sequences,omitempty"`
	// Oldest is how many tables are told by the age of their oldest
	// transaction.
	Oldest int `yaml:"oldest,omitempty"`
	// Statements is how many statements stat_statements tells: those that took
	// most time.
	Statements int `yaml:"statements,omitempty"`
}

// defaultWalk is how often databases are walked through.
const defaultWalk = 5 * time.Minute

// limit is one of the keys of Top.
type limit struct {
	key     string
	value   *int
	usually int
}

func (t *Top) all() []limit {
	return []limit{
		{"own_tables", &t.OwnTables, 1000},
		{"tables", &t.Tables, 200},
		{"schemas", &t.Schemas, 500},
		{"indexes", &t.Indexes, 50},
		{"sequences", &t.Sequences, 50},
		{"oldest", &t.Oldest, 10},
		{"statements", &t.Statements, 100},
	}
}

// maxTop bounds each of them: a page of a million series is nobody's wish.
const maxTop = 20_000

// SetDefaults fills what the site file left out.
func (c *Config) SetDefaults() {
	c.Walk = cmp.Or(c.Walk, model.Duration(defaultWalk))
	for _, l := range c.Top.all() {
		*l.value = cmp.Or(*l.value, l.usually)
	}
}

// Validate adds what is wrong with what is written; what is left out is fine.
func (c *Config) Validate(p problem.List) {
	c.Databases.validate(p.At("databases"), "^wcs_")
	c.Schemas.validate(p.At("schemas"), "^tenant_")
	if d := time.Duration(c.Walk); d != 0 && (d < 10*time.Second || d > 24*time.Hour) {
		p.At("walk").Addf("%s is not between 10s and 24h; usual is %s", c.Walk, defaultWalk)
	}
	for _, l := range c.Top.all() {
		if n := *l.value; n < 0 || n > maxTop {
			p.At("top").At(l.key).Addf("%d is not between 1 and %d; usual is %d", n, maxTop, l.usually)
		}
	}
}

func (f Filter) validate(p problem.List, example string) {
	for key, expression := range map[string]string{"include": f.Include, "exclude": f.Exclude} {
		if _, err := regexp.Compile(expression); err != nil {
			p.At(key).Addf("is no regular expression; write one as %s", example)
		}
	}
}

// Chooser compiles a filter that was validated: what does not compile chooses
// nothing away.
func (f Filter) Chooser() func(name string) bool {
	compile := func(expression string) *regexp.Regexp {
		if expression == "" {
			return nil
		}
		re, _ := regexp.Compile(expression) // Validate has told it
		return re
	}
	include, exclude := compile(f.Include), compile(f.Exclude)
	return func(name string) bool {
		return (include == nil || include.MatchString(name)) && (exclude == nil || !exclude.MatchString(name))
	}
}

// IsZero tells a filter that chooses everything.
func (f Filter) IsZero() bool { return f == Filter{} }

// oids writes a list of oids as an array's text.
func oids(all []uint32) string {
	texts := make([]string, len(all))
	for i, o := range slices.Sorted(slices.Values(all)) {
		texts[i] = strconv.FormatUint(uint64(o), 10)
	}
	return "'{" + strings.Join(texts, ",") + "}'::oid[]"
}
