package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"tocsin/internal/migrate"
)

// migrateVerb takes over the configuration of other programs. The site file
// goes to standard output, what is not in it to standard error.
type migrateVerb struct {
	NodeExporter     migrateNodeVerb         `cmd:"" name:"node_exporter" passthrough:"" help:"From node_exporter's flags, or from the unit or environment file that has them."`
	Prometheus       migratePrometheusVerb   `cmd:"" help:"From prometheus.yml: hosts, probes and rules."`
	Alertmanager     migrateAlertmanagerVerb `cmd:"" help:"From alertmanager.yml: who is told."`
	Blackbox         migrateBlackboxVerb     `cmd:"" help:"From blackbox.yml: Tocsin reads it as it is."`
	PostgresExporter migratePostgresVerb     `cmd:"" name:"postgres_exporter" help:"From postgres_exporter's environment file, its configuration, or its queries."`
}

// migrateNodeVerb takes flags, which are not Tocsin's own: kong hands them on.
type migrateNodeVerb struct {
	Flags []string `arg:"" name:"flags" help:"The flags, in quotes or not; or a file that has them."`
}

// Run implements the verb.
func (v *migrateNodeVerb) Run(c *console, line *kong.Context) error {
	text, name := strings.Join(v.Flags, " "), ""
	if len(v.Flags) > 1 {
		text = requoted(v.Flags)
	}
	if text == "--help" || text == "-h" {
		return line.PrintUsage(false)
	}
	data := []byte(text)
	if !strings.ContainsAny(text, "= \n") && !strings.HasPrefix(text, "-") {
		var err error
		if data, err = foreignFile(text); err != nil {
			return err
		}
		name = text
	}
	return tell(c)(migrate.NodeExporter(name, data, migrate.ReadFile))
}

// requoted joins words that a shell has taken apart already.
func requoted(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
	}
	return strings.Join(quoted, " ")
}

type migratePrometheusVerb struct {
	File     string `arg:"" help:"prometheus.yml."`
	Blackbox string `placeholder:"FILE" help:"blackbox.yml, which says what the modules mean that are probed with."`
}

// Run implements the verb.
func (v *migratePrometheusVerb) Run(c *console) error {
	data, err := foreignFile(v.File)
	if err != nil {
		return err
	}
	in := migrate.PrometheusInput{Name: v.File, Data: data, Read: migrate.ReadFile}
	if v.Blackbox != "" {
		in.Blackbox = v.Blackbox
		if in.BlackboxData, err = foreignFile(v.Blackbox); err != nil {
			return err
		}
	}
	if in.Hostname, err = os.Hostname(); err != nil {
		return fmt.Errorf("find this machine's name: %w", err)
	}
	return tell(c)(migrate.Prometheus(in))
}

type migrateAlertmanagerVerb struct {
	File string `arg:"" help:"alertmanager.yml."`
}

// Run implements the verb.
func (v *migrateAlertmanagerVerb) Run(c *console) error {
	data, err := foreignFile(v.File)
	if err != nil {
		return err
	}
	return tell(c)(migrate.Alertmanager(v.File, data))
}

type migrateBlackboxVerb struct {
	File string `arg:"" help:"blackbox.yml."`
}

// Run implements the verb.
func (v *migrateBlackboxVerb) Run(c *console) error {
	data, err := foreignFile(v.File)
	if err != nil {
		return err
	}
	return tell(c)(migrate.Blackbox(v.File, data))
}

type migratePostgresVerb struct {
	File string `arg:"" help:"The environment file, as /etc/default/prometheus-postgres-exporter; or postgres_exporter.yml; or queries.yaml."`
}

// Run implements the verb.
func (v *migratePostgresVerb) Run(c *console) error {
	data, err := foreignFile(v.File)
	if err != nil {
		return err
	}
	return tell(c)(migrate.PostgresExporter(v.File, data))
}

// foreignFile reads the file that is to be taken over.
func foreignFile(name string) ([]byte, error) {
	data, err := migrate.ReadFile(name)
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return nil, fmt.Errorf("%w: %s: %w", errInput, name, path.Err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errInput, err)
	}
	return data, nil
}

// tell writes what became of a configuration.
func tell(c *console) func(*migrate.Result, error) error {
	return func(r *migrate.Result, err error) error {
		if err != nil {
			return err
		}
		if _, err := c.out.Write(r.Site); err != nil {
			return fmt.Errorf("write the site file: %w", err)
		}
		return r.Write(c.err)
	}
}
