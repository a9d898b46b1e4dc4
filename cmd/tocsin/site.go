package main

import "tocsin/internal/config"

// siteFlag is the flag of all verbs that need the site file.
type siteFlag struct {
	Config string `placeholder:"FILE" help:"The site file; without it ${default_file}, if that exists, else this machine with defaults."`
}

// load reads and proves the site file.
func (f siteFlag) load() (*config.Site, error) { return config.Load(config.Find(f.Config)) }
