package postgres

import (
	"strings"

	"tocsin/exporters/postgres/custom"
	"tocsin/exporters/postgres/depth"
	"tocsin/internal/problem"
	"tocsin/internal/secret"
	"tocsin/internal/selection"
)

// Config is a PostgreSQL server to be measured.
type Config struct {
	// Name is what the server is called; needs: and its page use it.
	Name string `yaml:"name"`
	// DSN says where it is: a postgres:// URL, or key=value words, as libpq reads
	// them: Unix sockets, several hosts, sslmode, client certificates, passfile
	// and service are known. A password does not belong in it.
	DSN string `yaml:"dsn"`
	// Password belongs to the user of DSN.
	Password     secret.Text `yaml:"password,omitempty"`
	PasswordFile string      `yaml:"password_file,omitempty"`
	// Collectors chooses what is measured, by the names of postgres_exporter's
	// collectors.
	Collectors selection.Selection `yaml:"collectors,omitempty"`
	// Standbys are those that it shall have while it is a primary: a number, or
	// names as they appear in pg_stat_replication (application_name), of their
	// slots, or their addresses. Left out, whatever has streamed from it for a
	// minute is expected for a week; 0 expects none.
	Standbys Standbys `yaml:"standbys,omitempty"`

	Depth depth.Config  `yaml:",inline"`
	Own   custom.Config `yaml:",inline"`

	plans []*custom.Plan // Own, once it is loaded
}

// Validate reports what is wrong with all but the name.
func (c *Config) Validate(p problem.List) {
	c.Own.Validate(p)
	if _, err := parseDSN(c.DSN); err != nil {
		for text := range strings.SplitSeq(err.Error(), "\n") {
			p.At("dsn").Addf("%s", text)
		}
	}
	c.Depth.Validate(p)
	c.Standbys.validate(p.At("standbys"))
	c.Collectors.Validate(p.At("collectors"), Names())
}
