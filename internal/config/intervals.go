package config

import (
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/problem"
)

// Intervals is how often each kind of target is measured.
type Intervals struct {
	// Node is for this machine's page, and those of hosts.
	Node model.Duration `yaml:"node"`
	// Postgres is for PostgreSQL servers.
	Postgres model.Duration `yaml:"postgres"`
	// RabbitMQ is for RabbitMQ brokers.
	RabbitMQ model.Duration `yaml:"rabbitmq"`
	// Brick is for bricks.
	Brick model.Duration `yaml:"brick"`
	// Probe is for probes.
	Probe model.Duration `yaml:"probe"`
	// ProbeRetry is how soon a probe that failed is made again.
	ProbeRetry model.Duration `yaml:"probe_retry"`
	// Updates is for the pages about releases; feeds are asked less often.
	Updates model.Duration `yaml:"updates"`
}

// interval is one of the keys of Intervals.
type interval struct {
	key     string
	value   *model.Duration
	usually time.Duration
}

func (i *Intervals) all() []interval {
	return []interval{
		{"node", &i.Node, 5 * time.Second},
		{"postgres", &i.Postgres, 15 * time.Second},
		{"rabbitmq", &i.RabbitMQ, 15 * time.Second},
		{"brick", &i.Brick, 15 * time.Second},
		{"probe", &i.Probe, 30 * time.Second},
		{"probe_retry", &i.ProbeRetry, 5 * time.Second},
		{"updates", &i.Updates, time.Minute},
	}
}

// SetDefaults fills what the site file left out.
func (i *Intervals) SetDefaults() {
	for _, in := range i.all() {
		if *in.value == 0 {
			*in.value = model.Duration(in.usually)
		}
	}
}

// Validate adds what is wrong. The limits are those within which a hub takes
// another instance's targets.
func (i *Intervals) Validate(p problem.List) {
	for _, in := range i.all() {
		if d := time.Duration(*in.value); d < time.Second || d > time.Hour {
			p.At(in.key).Addf("%s is not between 1s and 1h; usual is %s", in.value, in.usually)
		}
	}
	if i.ProbeRetry > i.Probe {
		p.At("probe_retry").Addf("%s is longer than probe, %s; after a failure a probe comes sooner, not later", i.ProbeRetry, i.Probe)
	}
}
