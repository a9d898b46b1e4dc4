package postgres

import (
	"net/url"
	"regexp"
	"strings"

	"tocsin/exporters/postgres/custom"
	"tocsin/exporters/postgres/depth"
	"tocsin/internal/problem"
	"tocsin/internal/secret"
)

// Config is a PostgreSQL server to be measured.
type Config struct {
	// Name is what the server is called; needs: and its page use it.
	Name string `yaml:"name"`
	// DSN says where it is: a postgres:// URL, or key=value words. A password
	// does not belong in it.
	DSN string `yaml:"dsn"`
	// Password belongs to the user of DSN.
	Password     secret.Text `yaml:"password,omitempty"`
	PasswordFile string      `yaml:"password_file,omitempty"`

	Depth depth.Config  `yaml:",inline"`
	Own   custom.Config `yaml:",inline"`

	plans []*custom.Plan // Own, once it is loaded
}

// Validate reports what is wrong with all but the name.
func (c *Config) Validate(p problem.List) {
	c.Depth.Validate(p)
	c.Own.Validate(p)
	at := p.At("dsn")
	u, err := url.Parse(c.DSN)
	switch {
	case c.DSN == "":
		at.Addf("is missing; write postgres:///postgres?host=/run/postgresql, or postgres://db1.ville.example/postgres?user=tocsin")
	case passwordInDSN.MatchString(c.DSN), err == nil && u.Query().Has("password"):
		at.Addf("has a password in it; take it out and write it into a file, named by password_file")
	case strings.Contains(c.DSN, "://") && (err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql"):
		at.Addf("is no postgres:// URL; write postgres:///postgres?host=/run/postgresql, or postgres://db1.ville.example/postgres?user=tocsin")
	case !strings.Contains(c.DSN, "://") && !strings.Contains(c.DSN, "="):
		at.Addf("is neither a postgres:// URL nor key=value words; write postgres://db1.ville.example/postgres?user=tocsin")
	}
}

// passwordInDSN finds the password among key=value words.
var passwordInDSN = regexp.MustCompile(`(?i)(^|\s)(ssl)?password\s*=`)
