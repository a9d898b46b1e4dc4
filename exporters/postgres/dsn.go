package postgres

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/lazy"
	"tocsin/internal/strict"
)

// words are what a DSN says, by libpq's names.
type words map[string]string

// example ends the messages about an address that cannot be read.
const example = "write postgres:///postgres?host=/run/postgresql, or postgres://db1.ville.example/postgres?user=tocsin"

// connectionWords are what libpq and pgx read; what else a DSN has is a setting
// of the server for the session.
//
// Source: PostgreSQL's manual, 34.1.2.
var connectionWords = []string{
	"host", "port", "dbname", "database", "user", "password", "passfile", "connect_timeout", "client_encoding", "options", "application_name",
	"fallback_application_name", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "sslmode",
	"sslkey", "sslcert", "sslcertmode", "sslrootcert", "sslcrl", "sslcrldir", "sslnegotiation", "sslpassword", "sslsni", "sslcompression",
	"ssl_min_protocol_version", "ssl_max_protocol_version", "krbspn", "krbsrvname", "gssencmode", "gsslib", "gssdelegation", "service", "servicefile",
	"target_session_attrs", "load_balance_hosts", "hostaddr", "requirepeer", "require_auth", "channel_binding", "min_protocol_version",
	"max_protocol_version", "replication",
}

// ignoredWords change nothing that could hurt, and pgx does not know them: the
// server must not get them as its own settings.
var ignoredWords = []string{
	"fallback_application_name", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "sslcompression",
	"gssencmode", "gsslib", "gssdelegation", "load_balance_hosts",
}

// refusedWords ask for something that would silently not be done.
var refusedWords = map[string]string{
	"password":                 "has a password in it; take it out and write it into a file, named by password_file",
	"sslpassword":              "has a password in it; give a key without one, readable by tocsin alone, as sslkey",
	"hostaddr":                 "has hostaddr; write the address as host",
	"requirepeer":              "has requirepeer, which is not checked; take it out",
	"sslcrl":                   "has sslcrl, which is not read; take it out",
	"sslcrldir":                "has sslcrldir, which is not read; take it out",
	"ssl_min_protocol_version": "has ssl_min_protocol_version, which is not read; it is TLS 1.2 at least",
	"ssl_max_protocol_version": "has ssl_max_protocol_version, which is not read; take it out",
	"replication":              "has replication; the server is measured over an ordinary connection: take it out",
}

// choices are the words with a closed list of values.
var choices = map[string][]string{
	"sslmode":              {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"},
	"target_session_attrs": {"any", "read-write", "read-only", "primary", "standby", "prefer-standby"},
	"channel_binding":      {"disable", "prefer", "require"},
	"sslcertmode":          {"disable", "allow", "require"},
	"sslnegotiation":       {"postgres", "direct"},
}

var (
	keyValue = lazy.Regexp(`^\s*([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)(?:\s+|$)`)
	escaped  = lazy.Regexp(`\\(.)`)
)

// parseDSN reads a URL or key=value words. Its errors say what to write
// instead, and show nothing that may be a part of a password. No file is read.
func parseDSN(dsn string) (words, error) {
	var w words
	var err error
	switch {
	case dsn == "":
		return nil, errors.New("is missing; " + example)
	case strings.ContainsRune(dsn, 0):
		return nil, errors.New("has a NUL byte in it; " + example)
	case strings.Contains(dsn, "://"):
		w, err = parseURL(dsn)
	case !strings.Contains(dsn, "="):
		return nil, errors.New("is neither a postgres:// URL nor key=value words; " + example)
	default:
		w, err = parseWords(dsn)
	}
	if err != nil {
		return nil, err
	}
	return w, w.check()
}

func parseURL(dsn string) (words, error) {
	scheme, rest, _ := strings.Cut(dsn, "://")
	if scheme != "postgres" && scheme != "postgresql" {
		return nil, errors.New("is no postgres:// URL; " + example)
	}
	authority, _, _ := strings.Cut(rest, "/")
	authority, _, _ = strings.Cut(authority, "?")
	login, hosts, with := cutLast(authority, "@")
	if !with {
		login, hosts = "", authority
	}
	if strings.Contains(login, ":") {
		return nil, errors.New(refusedWords["password"])
	}
	u, err := url.Parse(scheme + "://" + strings.TrimPrefix(rest, authority)) // hosts may be several, with ports: not net/url's idea
	if err != nil {
		return nil, errors.New("is no URL: something in it must be written as %XX; " + example)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("has words after ? that cannot be read: something in them must be written as %XX")
	}
	w := words{}
	if user, err := url.PathUnescape(login); err == nil && user != "" {
		w["user"] = user
	}
	if name := strings.TrimPrefix(u.Path, "/"); name != "" {
		w["dbname"] = name
	}
	if hosts != "" {
		var names, ports []string
		for one := range strings.SplitSeq(hosts, ",") {
			name, port := one, ""
			if at := strings.LastIndex(one, ":"); at >= 0 && !strings.HasSuffix(one, "]") {
				name, port = one[:at], one[at+1:]
			}
			if name, err = url.PathUnescape(name); err != nil {
				return nil, errors.New("has a host that cannot be read: something in it must be written as %XX")
			}
			names, ports = append(names, strings.Trim(name, "[]")), append(ports, port)
		}
		w["host"] = strings.Join(names, ",")
		if p := strings.Join(ports, ","); strings.Trim(p, ",") != "" {
			w["port"] = p
		}
	}
	for name, values := range query {
		if len(values) > 0 {
			w[name] = values[len(values)-1]
		}
	}
	return w, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func parseWords(dsn string) (words, error) {
	w := words{}
	for rest := strings.TrimSpace(dsn); rest != ""; {
		m := keyValue().FindStringSubmatch(rest)
		if m == nil {
			return nil, errors.New("has words that are not key=value; put a value with spaces between '', as dbname='my base'")
		}
		value := m[2]
		if strings.HasPrefix(value, "'") {
			value = value[1 : len(value)-1]
		}
		w[m[1]] = escaped().ReplaceAllString(value, "$1")
		rest = rest[len(m[0]):]
	}
	return w, nil
}

// check wants words that mean something together.
func (w words) check() error {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(w)) {
		if why, refused := refusedWords[name]; refused {
			wrong = append(wrong, errors.New(why))
			continue
		}
		if !slices.Contains(connectionWords, name) {
			if near := strict.Nearest(name, connectionWords); near != "" {
				wrong = append(wrong, fmt.Errorf("has the word %s; did you mean %s?", name, near))
			}
			continue
		}
		if among := choices[name]; among != nil && !slices.Contains(among, w[name]) {
			wrong = append(wrong, fmt.Errorf("has an unknown %s; write one of %s", name, strings.Join(among, ", ")))
		}
	}
	hosts, ports := strings.Split(w["host"], ","), strings.Split(w["port"], ",")
	if len(ports) > 1 && len(ports) != len(hosts) {
		wrong = append(wrong, fmt.Errorf("has %d ports for %d hosts; write one port for all, or one for each", len(ports), len(hosts)))
	}
	for _, port := range ports {
		if n, err := strconv.Atoi(port); port != "" && (err != nil || n < 1 || n > 65535) {
			wrong = append(wrong, errors.New("has a port that is no number from 1 to 65535; PostgreSQL's is 5432"))
			break
		}
	}
	if (w["sslcert"] == "") != (w["sslkey"] == "") {
		wrong = append(wrong, errors.New("has only one of sslcert and sslkey; a client certificate needs both"))
	}
	if n, err := strconv.Atoi(w["connect_timeout"]); w["connect_timeout"] != "" && (err != nil || n < 0) {
		wrong = append(wrong, errors.New("has a connect_timeout that is no number of seconds; write connect_timeout=3"))
	}
	if strings.HasPrefix(w["sslmode"], "verify-") && strings.HasPrefix(w["host"], "/") {
		wrong = append(wrong, fmt.Errorf("has sslmode=%s on a Unix socket, which has no TLS; take it out", w["sslmode"]))
	}
	return errors.Join(wrong...)
}

// address is what postgres_exporter's label server has: the first host, and its
// port.
func (w words) address() string {
	host, _, _ := strings.Cut(w["host"], ",")
	port, _, _ := strings.Cut(w["port"], ",")
	if host == "" {
		host = "localhost"
	}
	if port == "" {
		port = "5432"
	}
	return host + ":" + port
}
