package watch

import (
	"cmp"
	"regexp"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/problem"
)

// What the site file need not say.
const (
	defaultInterval    = time.Minute
	defaultTop         = 20
	maxTop             = 1000
	defaultDeadLetters = `(?i)(^|[._-])(dlq|dlx|dead[._-]?letters?)($|[._-])`
	defaultExchange    = "broadcast_tasks"
	defaultBroadcast   = `^bcast\.`
	defaultEvents      = `^celeryev\.`
	defaultWorkers     = `\.celery\.pidbox$`
)

// Config says what is looked at beside what the plugin tells.
type Config struct {
	// Off leaves all of it out.
	Off bool `yaml:"off,omitempty"`
	// Interval is how often it is looked at.
	Interval model.Duration `yaml:"interval,omitempty"`
	// Nodes is how many nodes the cluster must have. Without it those that the
	// cluster knows must run, and one that was never joined is not missed.
	Nodes int `yaml:"nodes,omitempty"`
	// Top is how many queues are told by name: first those that have messages
	// and nobody who reads them, then those with most messages.
	Top int `yaml:"top,omitempty"`
	// DeadLetters are the names of queues that hold dead letters, as a regular
	// expression (RE2), beside those that the broker's own settings show.
	DeadLetters string `yaml:"dead_letters,omitempty"`
	// Ignore are the names of queues that are told by no name, as a regular
	// expression (RE2).
	Ignore string `yaml:"ignore,omitempty"`
}

// SetDefaults fills what the site file left out.
func (c *Config) SetDefaults() {
	c.Interval = cmp.Or(c.Interval, model.Duration(defaultInterval))
	c.Top = cmp.Or(c.Top, defaultTop)
	c.DeadLetters = cmp.Or(c.DeadLetters, defaultDeadLetters)
}

// Validate adds what is wrong with it.
func (c *Config) Validate(p problem.List) {
	if d := time.Duration(c.Interval); d < 5*time.Second || d > time.Hour {
		p.At("interval").Addf("%s is not between 5s and 1h; usual is %s", c.Interval, defaultInterval)
	}
	if c.Nodes < 0 || c.Nodes > maxNodes {
		p.At("nodes").Addf("%d is not between 1 and %d; write how many nodes the cluster has", c.Nodes, maxNodes)
	}
	if c.Top < 1 || c.Top > maxTop {
		p.At("top").Addf("%d is not between 1 and %d; usual is %d", c.Top, maxTop, defaultTop)
	}
	pattern(p.At("dead_letters"), c.DeadLetters, `^dead\.`)
	pattern(p.At("ignore"), c.Ignore, `^test\.`)
}

func pattern(p problem.List, text, example string) {
	if _, err := regexp.Compile(text); err != nil {
		p.Addf("%v; write a regular expression, as %s", err, example)
	}
}

// Provisioning says what Publik's agents look like in the broker: workers of
// Celery that hear one broadcast.
type Provisioning struct {
	// Exchange is the one that the broadcast goes to.
	Exchange string `yaml:"exchange,omitempty"`
	// Vhost is its virtual host; / if left out.
	Vhost string `yaml:"vhost,omitempty"`
	// Consumers is how many agents must hear it: one a machine.
	Consumers int `yaml:"consumers,omitempty"`
	// Queues, Events and Workers are the names of Celery's queues, as regular
	// expressions (RE2): the broadcast's own, those of whoever follows events,
	// and those by which each worker is commanded.
	Queues  string `yaml:"queues,omitempty"`
	Events  string `yaml:"events,omitempty"`
	Workers string `yaml:"workers,omitempty"`
}

// SetDefaults fills what the site file left out.
func (c *Provisioning) SetDefaults() {
	c.Exchange = cmp.Or(c.Exchange, defaultExchange)
	c.Vhost = cmp.Or(c.Vhost, "/")
	c.Queues = cmp.Or(c.Queues, defaultBroadcast)
	c.Events = cmp.Or(c.Events, defaultEvents)
	c.Workers = cmp.Or(c.Workers, defaultWorkers)
}

// Validate adds what is wrong with it.
func (c *Provisioning) Validate(p problem.List) {
	if c.Consumers < 0 {
		p.At("consumers").Addf("%d is no number of agents; write how many hear the broadcast, one a machine", c.Consumers)
	}
	pattern(p.At("queues"), c.Queues, defaultBroadcast)
	pattern(p.At("events"), c.Events, defaultEvents)
	pattern(p.At("workers"), c.Workers, defaultWorkers)
}
