package postgres

import (
	"strings"
	"testing"

	"tocsin/internal/problem"
	"tocsin/internal/selection"
)

// theSecret is in each DSN that has a password; no message may show it.
const theSecret = "Tr0ub4dor"

func TestConfig_wrongOnes(t *testing.T) {
	for dsn, want := range map[string]string{
		"":                     "is missing; " + example,
		"db1.ville.example":    "is neither a postgres:// URL nor key=value words; " + example,
		"mysql://db1/postgres": "is no postgres:// URL; " + example,
		"postgres://tocsin:" + theSecret + "@db1/x": refusedWords["password"],
		"postgres://db1/x?password=" + theSecret:    refusedWords["password"],
		"host=db1 password=" + theSecret:            refusedWords["password"],
		"host=db1 password='" + theSecret + " x'":   refusedWords["password"],
		"host=db1 sslpassword=" + theSecret:         refusedWords["sslpassword"],
		"postgres://db1:54x2/x":                     "has a port that is no number from 1 to 65535; PostgreSQL's is 5432",
		"host=db1 port=70000":                       "has a port that is no number from 1 to 65535; PostgreSQL's is 5432",
		"postgres://db1:1,db2:2,db3:3/?port=1,2":    "has 2 ports for 3 hosts; write one port for all, or one for each",
		"host=db1 sslmode=on":                       "has an unknown sslmode; write one of disable, allow, prefer, require, verify-ca, verify-full",
		"host=db1 sslmod=require":                   "has the word sslmod; did you mean sslmode?",
		"host=db1 user name=x":                      "has words that are not key=value; put a value with spaces between '', as dbname='my base'",
		"host=db1 sslcert=/a":                       "has only one of sslcert and sslkey; a client certificate needs both",
		"host=db1 connect_timeout=soon":             "has a connect_timeout that is no number of seconds; write connect_timeout=3",
		"host=/run/postgresql sslmode=verify-full":  "has sslmode=verify-full on a Unix socket, which has no TLS; take it out",
		"host=db1 target_session_attrs=writer":      "has an unknown target_session_attrs; write one of any, read-write, read-only, primary, standby, prefer-standby",
		"postgres://db1/x?user=%zz":                 "has words after ? that cannot be read: something in them must be written as %XX",
		"postgres://db1/%zz":                        "is no URL: something in it must be written as %XX; " + example,
		"host=db1 sslcrl=/a":                        refusedWords["sslcrl"],
		"host=db1\x00":                              "has a NUL byte in it; " + example,
	} {
		p := problem.New()
		(&Config{DSN: dsn}).Validate(p)
		var got []string
		for _, one := range p.All() {
			if one.Path != "dsn" {
				t.Errorf("%q: the place is %s", dsn, one.Path)
			}
			got = append(got, one.Text)
		}
		if text := strings.Join(got, "\n"); text != want {
			t.Errorf("%q:\n%s\nwant\n%s", dsn, text, want)
		} else if strings.Contains(text, theSecret) {
			t.Errorf("%q shows the password", dsn)
		}
	}
}

func TestConfig_goodOnes(t *testing.T) {
	for dsn, address := range map[string]string{
		"postgres:///postgres?host=/run/postgresql":               "/run/postgresql:5432",
		"postgresql://db1.ville.example":                          "db1.ville.example:5432",
		"postgres://tocsin@db1:6432/postgres?sslmode=verify-full": "db1:6432",
		"postgres://tocsin@[::1]:6432/postgres":                   "::1:6432",
		"postgres://db1:5433,db2:5434/x?target_session_attrs=any": "db1:5433",
		"postgres://%2Frun%2Fpostgresql/postgres":                 "/run/postgresql:5432",
		"host=db1 port=5433 user='o\\'dd' dbname='my base'":       "db1:5433",
		"service=shop": "localhost:5432",
		"host=db1 keepalives=1 search_path=x work_mem=1MB":          "db1:5432",
		"host=db1 sslcert=/a sslkey=/b sslrootcert=/c passfile=/d ": "db1:5432",
	} {
		p := problem.New()
		(&Config{DSN: dsn}).Validate(p)
		if all := p.All(); len(all) > 0 {
			t.Errorf("%q: %v", dsn, all)
			continue
		}
		w, err := parseDSN(dsn)
		if err != nil || w.address() != address {
			t.Errorf("%q: %s, %v", dsn, w.address(), err)
		}
	}
}

func TestConfig_collectorsByName(t *testing.T) {
	p := problem.New()
	(&Config{DSN: "host=db1", Collectors: selection.Selection{On: []string{"stat_statement"}}}).Validate(p)
	if all := p.All(); len(all) != 1 || all[0].Text != "no collector is called stat_statement; did you mean stat_statements?" {
		t.Errorf("%v", all)
	}
	entries, err := New(Config{DSN: "host=db1", Collectors: selection.Selection{Only: []string{"postmaster"}}})
	if err != nil || len(entries) != 2 || entries[1].Collector.Name() != "postmaster" {
		t.Errorf("%v, %v", entries, err)
	}
}
