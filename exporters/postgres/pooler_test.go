package postgres

import (
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tocsin/internal/frame"
	"tocsin/internal/testenv"
)

// roleSays is what the collector says that asks first.
func roleSays(t *testing.T, dsn string) (up float64, state frame.State) {
	t.Helper()
	entries, err := New(Config{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	target := frame.NewTarget(frame.Spec{Job: "postgres", Collectors: entries, Serial: true}, slog.New(slog.DiscardHandler))
	page := scrape(t, target, 10*time.Second)
	for _, s := range target.States() {
		if s.Collector == role.name {
			state = s
		}
	}
	return gaugeOf(page["pg_up"]), state
}

// PgBouncer hands a server's session from client to client: our read-only
// transactions and time limits would be set for whoever comes next. Whatever
// its mode, and though it is told to ignore what it does not know, that is told,
// and nothing is set.
func TestPooler_isRefusedInWords(t *testing.T) {
	db := testenv.Postgres(t)
	for _, settings := range []string{
		"pool_mode = session", "pool_mode = transaction", "pool_mode = statement",
		"pool_mode = transaction\nignore_startup_parameters = tocsin.session, extra_float_digits",
	} {
		port := testenv.PgBouncer(t, db, settings+"\ndefault_pool_size = 1")
		dsn := fmt.Sprintf("postgres://admin@127.0.0.1:%d/postgres", port)
		up, state := roleSays(t, dsn)
		if up != 0 || state.Reason != frame.ReasonRefused || !strings.Contains(state.Error, "PgBouncer") || !strings.Contains(state.Error, "give the address of the server itself") {
			t.Errorf("%s: up %v, %s: %s", settings, up, state.Reason, state.Error)
		}
		config, err := pgx.ParseConfig(dsn)
		if err != nil {
			t.Fatal(err)
		}
		config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
		other, err := pgx.ConnectConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		var readOnly, timeout, path string // of the one session that the pool has
		err = other.QueryRow(t.Context(), "SELECT current_setting('default_transaction_read_only'), current_setting('statement_timeout'), current_setting('search_path')").
			Scan(&readOnly, &timeout, &path)
		if err != nil || readOnly != "off" || timeout != "0" || !strings.Contains(path, "public") {
			t.Errorf("%s: the next client gets read-only %s, timeout %s, path %s, %v", settings, readOnly, timeout, path, err)
		}
		_ = other.Close(t.Context()) // it ends with the test
	}
}

// A server that announces a message of 1 GiB gets neither the memory nor the
// patience for it.
func TestConnect_messagesAreBounded(t *testing.T) {
	message := func(kind byte, length int, body string) []byte {
		return append(binary.BigEndian.AppendUint32([]byte{kind}, uint32(length)), body...)
	}
	setting := func(name, value string) []byte { return message('S', 6+len(name)+len(value), name+"\x00"+value+"\x00") }
	for name, answers := range map[string][][]byte{
		"from the start": {message('R', 1<<30, "")},
		"once we are in": {
			slices.Concat(message('R', 8, "\x00\x00\x00\x00"), setting("standard_conforming_strings", "on"), setting("client_encoding", "UTF8"), message('Z', 5, "I")),
			message('T', 1<<30-8, ""),
		},
	} {
		port := listen(t, func(c net.Conn) {
			defer c.Close()
			for _, answer := range answers {
				_, _ = c.Read(make([]byte, 1<<12)) // what they say does not matter
				_, _ = c.Write(answer)
			}
			_, _ = io.Copy(io.Discard, c)
		})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		up, state := roleSays(t, "host=127.0.0.1 dbname=postgres user=tocsin sslmode=disable port="+port)
		runtime.ReadMemStats(&after)
		// Once it is in, pgx tells no more than that the connection is closed.
		if up != 0 || state.Reason == "" || name == "from the start" && !strings.Contains(state.Error, "message of more than 64 MiB") {
			t.Errorf("%s: up %v, %s: %s", name, up, state.Reason, state.Error)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
			t.Errorf("%s: %d MiB were taken", name, took>>20)
		}
	}
}
