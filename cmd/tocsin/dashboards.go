package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"tocsin/dashboards"
	"tocsin/internal/config"
)

// dashboardsVerb has the verbs about Grafana's dashboards.
type dashboardsVerb struct {
	Write dashboardsWriteVerb `cmd:"" help:"Write the dashboards, and the files by which Grafana provisions them and the hub as their data source."`
}

// dashboardsWriteVerb writes dashboards.
type dashboardsWriteVerb struct {
	siteFlag
	URL    string `placeholder:"URL" help:"Where Grafana finds the hub, or a Prometheus in its place; made of the site file if left out."`
	Folder string `arg:"" help:"Where to write them; files of the same names are replaced."`
}

// Run implements the verb.
func (v *dashboardsWriteVerb) Run(c *console) error {
	site, err := v.load()
	if err != nil {
		return err
	}
	address := v.URL
	if address == "" {
		if site.Engine.Off {
			return fmt.Errorf("%w: the engine is off, so that Grafana cannot ask this Tocsin; say with --url where the hub or a Prometheus is", errInput)
		}
		address = hubURL(site)
	}
	folder, err := filepath.Abs(v.Folder)
	if err != nil {
		return fmt.Errorf("write dashboards: %w", err)
	}
	files, err := dashboards.Provision(dashboards.Site{Kinds: site.Kinds(), URL: address, Folder: filepath.ToSlash(folder)})
	if err != nil {
		return err
	}
	for _, f := range files {
		name := filepath.Join(v.Folder, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return fmt.Errorf("write dashboards: %w", err)
		}
		if err := os.WriteFile(name, f.Text, 0o644); err != nil {
			return fmt.Errorf("write dashboards: %w", err)
		}
		fmt.Fprintln(c.out, name)
	}
	return nil
}

// hubURL is where a Grafana finds the site's hub: where people do, else on the
// same machine.
func hubURL(site *config.Site) string {
	if site.ExternalURL != "" {
		return strings.TrimSuffix(site.ExternalURL, "/")
	}
	scheme := "http"
	if site.Web.TLS.Enabled() {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(site.Listen)
	if err != nil {
		return scheme + "://" + site.Listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}
