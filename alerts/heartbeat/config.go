package heartbeat

import (
	"net/url"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/problem"
	"tocsin/internal/secret"
)

// A Config is the section alerts.heartbeat of the site file.
type Config struct {
	URL      secret.Text    `yaml:"url"` // whoever has it can fake a heartbeat
	URLFile  string         `yaml:"url_file"`
	Interval model.Duration `yaml:"interval"` // default 1m
	Timeout  model.Duration `yaml:"timeout"`  // of one request; default 10s
}

// IsZero tells whether no heartbeat is configured.
func (c *Config) IsZero() bool { return c.source().IsZero() }

func (c *Config) source() secret.Source { return secret.Source{Value: c.URL, File: c.URLFile} }

// SetDefaults fills what was left out.
func (c *Config) SetDefaults() {
	if c.Interval == 0 {
		c.Interval = model.Duration(time.Minute)
	}
	if c.Timeout == 0 {
		c.Timeout = model.Duration(10 * time.Second)
	}
}

// Validate adds what is wrong to p. It never repeats the address.
func (c *Config) Validate(p problem.List) {
	if !c.URL.IsZero() && c.URLFile != "" {
		p.At("url_file").Addf("url is given too: keep one of the two")
	}
	if u, err := url.Parse(c.URL.Reveal()); !c.URL.IsZero() &&
		(err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		p.At("url").Addf("this is not an address: write https://… as the monitoring service shows it")
	}
	if d := time.Duration(c.Interval); d < 10*time.Second || d > 24*time.Hour {
		p.At("interval").Addf("%s is out of range: write 10s to 24h", c.Interval)
	}
	if d := time.Duration(c.Timeout); d < time.Second || d > time.Minute {
		p.At("timeout").Addf("%s is out of range: write 1s to 1m", c.Timeout)
	} else if c.Timeout > c.Interval {
		p.At("timeout").Addf("%s is longer than the interval of %s: write less", c.Timeout, c.Interval)
	}
}
