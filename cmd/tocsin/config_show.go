package main

import "tocsin/internal/config"

// configVerb has the verbs about the configuration.
type configVerb struct {
	Show configShowVerb `cmd:"" help:"Show the configuration as it is in effect, defaults filled in, secrets hidden."`
}

// configShowVerb shows what a site file comes to.
type configShowVerb struct {
	siteFlag
	Outgoing bool `help:"List instead every place that Tocsin will speak to, and what it is told."`
}

// Run implements the verb.
func (v *configShowVerb) Run(c *console) error {
	site, err := v.load()
	if err != nil {
		return err
	}
	if v.Outgoing {
		return config.WriteOutgoing(c.out, site)
	}
	return config.Show(c.out, site)
}
