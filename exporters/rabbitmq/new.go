package rabbitmq

import (
	"cmp"
	"time"

	"tocsin/exporters/rabbitmq/api"
	"tocsin/internal/frame"
)

// defaultInterval is the site's usual one.
const defaultInterval = 15 * time.Second

// listingTimeout is what listing all objects may take at least.
const listingTimeout = 30 * time.Second

// Options are what the site decides beside the broker's own entry.
type Options struct {
	// Interval is how often the page is scraped.
	Interval time.Duration
}

// New makes the collectors of a broker. It asks nothing of it yet.
func New(cfg Config, o Options) ([]frame.Entry, error) {
	plugin, management, err := clients(&cfg)
	if err != nil {
		return nil, err
	}
	beside, err := cfg.entries(&cfg)
	if err != nil {
		return nil, err
	}
	every := cmp.Or(o.Interval, defaultInterval)
	shared := &state{}
	return append([]frame.Entry{
		{Collector: &broker{cfg: cfg, plugin: plugin, management: management, state: shared, now: time.Now, families: brokerFamilies()}},
		{
			Collector: &objects{cfg: cfg, plugin: plugin, management: management, state: shared, now: time.Now, interval: every},
			Every:     every, Timeout: max(2*every, listingTimeout),
		},
	}, beside...), nil
}

// clients makes those that the mode asks; the others are nil.
func clients(cfg *Config) (plugin, management *api.Client, err error) {
	o := api.Options{
		URL: cfg.URL, Username: cfg.Username, Password: cfg.Secret(), CAFile: cfg.CAFile, Timeout: time.Duration(cfg.Timeout),
	}
	if cfg.Mode != ModePlugin {
		if management, err = api.New(o); err != nil {
			return nil, nil, err
		}
	}
	if cfg.Mode != ModeManagement {
		o.URL, o.Coy = cfg.MetricsPage(), true
		plugin, err = api.New(o)
	}
	return plugin, management, err
}
