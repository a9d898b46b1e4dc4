package rabbitmq

import (
	"cmp"
	"slices"
	"time"

	"tocsin/exporters/rabbitmq/api"
	"tocsin/exporters/rabbitmq/listeners"
	"tocsin/exporters/rabbitmq/roundtrip"
	"tocsin/exporters/rabbitmq/watch"
	"tocsin/internal/frame"
	"tocsin/internal/problem"
	"tocsin/internal/secret"
)

// Watching is what is looked at beside what the plugin tells.
type Watching struct {
	// Watch is what an administrator needs and the plugin does not tell: nodes,
	// partitions, queues that nobody reads, dead letters, certificates, default
	// passwords. It asks the management API.
	Watch watch.Config `yaml:"watch,omitempty"`
	// Provisioning watches the agents by which Publik deploys. Without it they
	// are watched where they are found, and not missed where they are not.
	Provisioning *watch.Provisioning `yaml:"provisioning,omitempty"`
	// RoundTrip sends messages through the broker and takes them out again;
	// none is sent without it.
	RoundTrip *roundtrip.Config `yaml:"round_trip,omitempty"`
}

func (w *Watching) setDefaults(c *Config) {
	w.Watch.SetDefaults()
	if w.Provisioning != nil {
		w.Provisioning.SetDefaults()
	}
	if w.RoundTrip != nil {
		w.RoundTrip.SetDefaults(c.Username, c.Secret(), c.CAFile)
	}
}

func (w *Watching) validate(p problem.List, c *Config) {
	w.Watch.Validate(p.At("watch"))
	if w.Provisioning != nil {
		at := p.At("provisioning")
		w.Provisioning.Validate(at)
		if c.URL == "" || w.Watch.Off {
			at.Addf("is watched through the management API; write its url, and leave watch on")
		}
	}
	if w.RoundTrip != nil {
		w.RoundTrip.Validate(p.At("round_trip"))
	}
}

// besideFamilies are what these collectors may send.
func besideFamilies() []*frame.Family {
	return slices.Concat(watch.Families(), listeners.Families(), roundtrip.Families())
}

// entries makes the collectors of what is looked at beside the page.
func (w *Watching) entries(c *Config) ([]frame.Entry, error) {
	var all []frame.Entry
	if c.URL != "" && !w.Watch.Off {
		asks := func(username string, password secret.Source) (*api.Client, error) {
			return api.New(api.Options{URL: c.URL, Username: username, Password: password, CAFile: c.CAFile, Timeout: time.Duration(c.Timeout)})
		}
		client, err := asks(c.Username, c.Secret())
		if err != nil {
			return nil, err
		}
		guest, err := asks("guest", secret.Source{Value: secret.New("guest")})
		if err != nil {
			return nil, err
		}
		all = append(all,
			watch.New(w.Watch, w.Provisioning, watch.Options{
				Client: client, Guest: guest, Username: cmp.Or(c.Username, "nobody"), Local: c.Local(),
			}).Entry(),
			listeners.New(client, c.URL).Entry())
	}
	if w.RoundTrip != nil {
		all = append(all, roundtrip.New(*w.RoundTrip).Entry())
	}
	return all, nil
}
