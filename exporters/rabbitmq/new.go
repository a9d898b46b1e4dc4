package rabbitmq

import (
	"fmt"
	"time"

	"tocsin/exporters/rabbitmq/api"
	"tocsin/internal/frame"
)

// Options are what the site decides beside the broker's own entry.
type Options struct {
	// Interval is how often the page is scraped.
	Interval time.Duration
}

// New makes the collectors of a broker. It asks nothing of it yet.
func New(cfg Config, o Options) ([]frame.Entry, error) {
	plugin, err := api.New(api.Options{
		URL: cfg.MetricsPage(), Username: cfg.Username, Password: cfg.Secret(), CAFile: cfg.CAFile,
		Timeout: time.Duration(cfg.Timeout), Coy: true,
	})
	if err != nil {
		return nil, fmt.Errorf("rabbitmq %s: %w", cfg.Name, err)
	}
	return []frame.Entry{{Collector: &broker{cfg: cfg, plugin: plugin}}}, nil
}
