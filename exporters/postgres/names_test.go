package postgres

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"

	"tocsin/internal/frame"
	"tocsin/internal/testenv"
)

// hostile are names that applications really have, and worse.
var hostile = []string{`quo"te`, `back\slash`, "new\nline", "🐘 émoji", `{a="b"} 1`, "'; DROP TABLE x; --", strings.Repeat("x", 63)}

// valid wants a page that can be written and read again.
func valid(t testing.TB, target *frame.Target) map[string]map[string]float64 {
	t.Helper()
	page := target.Gather(t.Context())
	var b strings.Builder
	encoder := expfmt.NewEncoder(&b, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, mf := range page {
		if err := encoder.Encode(mf); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = io.WriteString(io.Discard, b.String())
	healthy(t, target)
	return samples(byName(page))
}

func TestNames_hostileOnes(t *testing.T) {
	db := testenv.Postgres(t)
	for _, name := range hostile {
		db.Exec(t, "postgres", "CREATE DATABASE "+quoted(name), "CREATE ROLE "+quoted(name)+" LOGIN", "GRANT pg_monitor TO "+quoted(name))
	}
	sizes := valid(t, newTarget(Config{DSN: db.DSN("admin", "postgres")}))["pg_database_size_bytes"]
	for _, name := range hostile {
		if sizes["datname="+name] == 0 {
			t.Errorf("%q has no size in %v", name, sizes)
		}
	}
	for _, name := range hostile[:4] { // as user and database of the DSN
		dsn := fmt.Sprintf("host=%s user='%s' dbname='%[2]s'", db.Dir, strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(name))
		if got := valid(t, newTarget(Config{DSN: dsn}))["pg_up"][""]; got != 1 {
			t.Errorf("%q: pg_up is %v", name, got)
		}
	}
}

// Databases whose text is not UTF-8, seen from themselves and from others.
func TestNames_otherEncodings(t *testing.T) {
	db := testenv.Postgres(t)
	for name, encoding := range map[string]string{"latin": "LATIN1", "ascii": "SQL_ASCII", "euc": "EUC_JP"} {
		db.Exec(t, "postgres", fmt.Sprintf("CREATE DATABASE %s ENCODING '%s' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'", name, encoding))
	}
	// Two names that differ in a byte that is no UTF-8; a session of LATIN1 makes é one byte.
	db.Exec(t, "latin", "CREATE DATABASE \"caf\u00e9\"", "CREATE TABLE \"\u00e9\" (a int)")
	db.Exec(t, "ascii", `SET client_encoding = 'SQL_ASCII'`, "CREATE TABLE \"x\xe8\" (a int)", "CREATE TABLE \"x\xe9\" (a int)", "CREATE DATABASE \"b\xe9\"", "CREATE DATABASE \"b\xe8\"")
	for _, name := range []string{"postgres", "latin", "ascii"} {
		page := valid(t, newTarget(Config{DSN: db.DSN("admin", name), Collectors: everythingBut("stat_statements", "buffercache_summary")}))
		if n := len(page["pg_database_size_bytes"]); n != 9 {
			t.Errorf("from %s: %d databases have a size: %v", name, n, page["pg_database_size_bytes"])
		}
	}
}

// Databases come and go while we look.
func TestNames_databasesDroppedMeanwhile(t *testing.T) {
	db := testenv.Postgres(t)
	db.Exec(t, "postgres", "CREATE ROLE looker LOGIN", "GRANT pg_monitor TO looker")
	churn := dial(t, db)
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	done := make(chan int)
	go func() { // ends with ctx
		n := 0
		for ; ctx.Err() == nil; n++ {
			_, _ = churn.Exec(context.Background(), fmt.Sprintf("CREATE DATABASE x%d", n)) // as the next
			_, _ = churn.Exec(context.Background(), fmt.Sprintf("DROP DATABASE x%d", n))
		}
		done <- n
	}()
	target := newTarget(Config{DSN: db.DSN("looker", "postgres")})
	scrapes := 0
	for ; ctx.Err() == nil; scrapes++ {
		valid(t, target)
	}
	t.Logf("%d databases came and went in %d scrapes", <-done, scrapes)
}

// A version that nobody knows yet is asked as the newest one.
func TestVersion_unknownOnesAreAskedAsTheNewest(t *testing.T) {
	for _, q := range queries(&server{}) {
		if got, want := q.text(990000), q.variants[0].sql; got != want && q.before == 0 {
			t.Errorf("%s: %q", q.name, got)
		}
		if q.text(80400) != "" {
			t.Errorf("%s asks 8.4", q.name)
		}
	}
	if got := version(90624).String() + " " + version(150018).String(); got != "9.6.24 15.18" {
		t.Error(got)
	}
}
