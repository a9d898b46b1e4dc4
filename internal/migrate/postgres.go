package migrate

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"tocsin/exporters/postgres/custom"
	"tocsin/internal/lazy"
	"tocsin/internal/migrate/foreign"
)

// PostgresExporter makes the section postgres of what postgres_exporter was
// given: an environment file (or a unit) with DATA_SOURCE_NAME, its
// configuration, or its queries.
func PostgresExporter(name string, data []byte) (*Result, error) {
	if len(data) > maxFile {
		return nil, foreign.Fault(name, 0, "is larger than 1 MiB; give the file that postgres_exporter reads")
	}
	p := &postgresExporter{file: name, names: map[string]bool{}}
	var err error
	if foreign.IsEnvironment(string(data)) {
		err = p.environment(string(data))
	} else {
		err = p.yaml(data)
	}
	if err != nil {
		return nil, err
	}
	site := newMapping()
	p.choose()
	if len(p.servers) > 0 {
		site.set("postgres", p.servers, "Judge: job and instance are what Prometheus called them (job_name, and the target's address);",
			"write both at each server, so that dashboards and history go on.")
	}
	return p.finish(site,
		"What postgres_exporter was given, as a part of a site file of Tocsin.",
		"Put it into /etc/tocsin/tocsin.yml, make the files that it names, and prove it: tocsin check")
}

type postgresExporter struct {
	report
	file    string
	servers []*mapping
	names   map[string]bool
	on, off []string // collectors
	inside  inside
}

// pgVariables are the variables of the environment, but for those that make up
// the address.
//
// Source: postgres_exporter, README, "Environment Variables".
var pgVariables = keys{
	"PG_EXPORTER_WEB_TELEMETRY_PATH":      "Tocsin's page is /metrics/postgres/NAME, and /sd lists it; nothing to do",
	"PG_EXPORTER_DISABLE_DEFAULT_METRICS": pgChoice,
	"PG_EXPORTER_METRIC_PREFIX":           "names stay those of the world's dashboards, pg_*; nothing to do",
	"PG_EXPORTER_CONSTANT_LABELS":         "write them under labels at the server", "PG_EXPORTER_WEB_LISTEN_ADDRESS": "Tocsin answers at its own address, listen; nothing to do",
}

const (
	pgChoice   = "this version has no such choice"
	ownQueries = "name this file under queries_files at the server"
)

func (p *postgresExporter) environment(text string) error {
	variables, err := foreign.Assignments(p.file, text)
	if err != nil {
		return err
	}
	byName := map[string]foreign.Assignment{}
	for _, v := range variables {
		place := fmt.Sprintf("%s:%d", p.file, v.Line)
		switch why := pgVariables[v.Name]; {
		case p.inside.take(insideVariables[v.Name], v.Value):
		case v.Name == "DATA_SOURCE_NAME":
			if strings.TrimSpace(v.Value) == "" {
				p.losef(place, v.Name, "names no server; write one under postgres")
			}
			for source := range strings.SplitSeq(v.Value, ",") {
				p.server(place, strings.TrimSpace(source))
			}
		case v.Name == "PG_EXPORTER_DISABLE_SETTINGS_METRICS":
			p.collector(place, "disable-settings-metrics="+v.Value)
		case strings.HasPrefix(v.Name, "DATA_SOURCE_"):
			byName[v.Name] = v
		case why != "":
			p.losef(place, v.Name, "%s", why)
		case !strings.HasPrefix(strings.TrimSpace(v.Value), "-") && v.Value != "":
			p.losef(place, v.Name, "tocsin migrate does not know this variable; its value is not repeated")
		}
	}
	p.parts(byName)
	words, err := foreign.Commands(p.file, text)
	for i, w := range words {
		flag, value, has := strings.Cut(w.Text, "=")
		if !has && i+1 < len(words) && !strings.HasPrefix(words[i+1].Text, "-") {
			value = words[i+1].Text
		}
		if !strings.HasPrefix(flag, "-") || p.inside.take(strings.TrimLeft(flag, "-"), value) {
			continue
		}
		if place := fmt.Sprintf("%s:%d", p.file, w.Line); !p.collector(place, strings.TrimLeft(w.Text, "-")) {
			p.losef(place, flag, "%s", pgFlag(strings.TrimLeft(flag, "-")))
		}
	}
	for _, m := range p.servers {
		p.inside.write(m)
	}
	return err
}

func pgFlag(name string) string {
	switch {
	case strings.HasPrefix(name, "web."), strings.HasPrefix(name, "log."):
		return "Tocsin answers at its own address and logs in its own way: listen, web, tocsin run --debug"
	case name == "config.file":
		return "give that file to tocsin migrate postgres_exporter, too"
	}
	return pgChoice
}

// parts makes a server of DATA_SOURCE_URI, _USER and _PASS, each of which may
// be in a file.
func (p *postgresExporter) parts(byName map[string]foreign.Assignment) {
	get := func(name string) string { return byName["DATA_SOURCE_"+name].Value }
	uri, user := get("URI"), get("USER")
	place := fmt.Sprintf("%s:%d", p.file, byName["DATA_SOURCE_URI"].Line)
	if file := get("URI_FILE"); file != "" {
		p.losef("", "DATA_SOURCE_URI_FILE", "is not read; write what stands in %s as dsn, without a password", filepath.Base(file))
	}
	if uri == "" {
		return
	}
	if get("USER_FILE") != "" {
		p.losef(place, "DATA_SOURCE_USER_FILE", "is not read; write the user into dsn")
	}
	if user != "" {
		uri = url.User(user).String() + "@" + uri
	}
	m := p.server(place, "postgresql://"+uri)
	if m == nil {
		return
	}
	if file := get("PASS_FILE"); file != "" {
		m.set("password_file", file, "A file of the old program: tocsin must be able to read it.")
	} else if get("PASS") != "" {
		p.password(m, fmt.Sprintf("%s:%d", p.file, byName["DATA_SOURCE_PASS"].Line))
	}
}

var keyValue = lazy.Regexp(`([A-Za-z_]+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)`)

// server adds a server from its address, without the password. It returns nil
// for an address that is none.
func (p *postgresExporter) server(place, source string) *mapping {
	if source == "" {
		return nil
	}
	dsn, host, secret, ok := dataSource(source)
	if !ok {
		p.losef(place, "DATA_SOURCE_NAME", "is neither a postgresql:// address nor words key=value, or has something in it that may be part of a secret; write dsn by hand, without a password")
		return nil
	}
	name := "main"
	if host != "" && !strings.HasPrefix(host, "/") && host != "localhost" && host != "127.0.0.1" {
		name = strings.Trim(strings.TrimPrefix(secretFile(host), "/etc/tocsin/"), "-")
	}
	unique := name
	for i := 2; p.names[unique]; i++ {
		unique = fmt.Sprintf("%s-%d", name, i)
	}
	p.names[unique] = true
	m := newMapping()
	m.set("name", unique)
	m.set("dsn", dsn)
	if secret {
		p.password(m, place)
	}
	p.servers = append(p.servers, m)
	return m
}

func (p *postgresExporter) password(m *mapping, place string) {
	var name string
	for i := 0; i+1 < len(m.node.Content); i += 2 {
		if m.node.Content[i].Value == "name" {
			name = m.node.Content[i+1].Value
		}
	}
	file := secretFile("postgres", name)
	m.set("password_file", file, makeFile(file, place+" (the password alone)"))
}

// pgWords are the parameters of a connection that have no secret in them. An
// address with another one is not carried: what looks like a parameter may be
// the rest of a password.
//
// Source: PostgreSQL, "Parameter Key Words"; lib/pq's documentation.
var pgWords = []string{
	"host", "hostaddr", "port", "dbname", "user", "sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslsni", "passfile", "service",
	"connect_timeout", "client_encoding", "application_name", "fallback_application_name", "target_session_attrs", "krbsrvname", "gssencmode",
	"keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "statement_timeout", "search_path",
}

// dataSource takes the password out of an address of PostgreSQL.
//
// Source: PostgreSQL, "Connection Strings".
func dataSource(source string) (dsn, host string, secret, ok bool) {
	if strings.Contains(source, "://") {
		return dataSourceURL(source)
	}
	var words []string
	rest := keyValue().ReplaceAllStringFunc(source, func(word string) string {
		m := keyValue().FindStringSubmatch(word)
		switch {
		case strings.EqualFold(m[1], "password"):
			secret = true
		case slices.Contains(pgWords, m[1]):
			words = append(words, m[1]+"="+m[2])
		default:
			return word
		}
		if m[1] == "host" {
			host = strings.Trim(m[2], "'")
		}
		return ""
	})
	return strings.Join(words, " "), host, secret, len(words) > 0 && strings.TrimSpace(rest) == ""
}

func dataSourceURL(source string) (dsn, host string, secret, ok bool) {
	u, err := url.Parse(source)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.Fragment != "" || strings.Contains(u.Path, "@") {
		return "", "", false, false
	}
	if u.User != nil {
		_, secret = u.User.Password()
		u.User = url.User(u.User.Username())
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", "", false, false
	}
	for key := range query {
		switch {
		case strings.EqualFold(key, "password"):
			secret = true
			query.Del(key)
		case !slices.Contains(pgWords, key) || strings.Contains(query.Get(key), "@"):
			return "", "", false, false
		}
	}
	u.RawQuery = strings.ReplaceAll(query.Encode(), "%2F", "/")
	return u.String(), u.Hostname(), secret, true
}

// yaml reads postgres_exporter.yml or queries.yaml.
func (p *postgresExporter) yaml(data []byte) error {
	config, err := foreign.Parse(p.file, data)
	if err != nil {
		return err
	}
	queries := 0
	for _, q := range config.Pairs() {
		if q.Value.Get("query").Is() {
			queries++
			p.losef(q.Value.Place(), "query "+q.Key, ownQueries)
		}
	}
	if queries > 0 {
		_, faults := custom.ReadOld(data, "")
		for _, f := range faults {
			p.losef(fmt.Sprintf("%s:%d", p.file, f.Line), f.Path, "%s", f.Text)
		}
		return nil
	}
	if err := config.MustBe("configuration of postgres_exporter, nor a file of queries or of its environment", "auth_modules"); err != nil {
		return err
	}
	p.unread(config, "", keys{"auth_modules": ""})
	for _, m := range config.Get("auth_modules").Pairs() {
		p.losef(m.Value.Place(), "auth_modules."+m.Key, "says how, not whom; for each target of Prometheus that has this auth_module write: "+
			"postgres: [{name: NAME, dsn: \"postgres://HOST/postgres?user=USER\", password_file: FILE, job: JOB, instance: INSTANCE}]; user and password stand here")
	}
	return nil
}
