package adapter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"tocsin/bricks"
)

const (
	// maxSQLRows is how many rows a query may give.
	maxSQLRows = 10_000
	// statementShare of the time that is left a statement may take.
	statementShare = 0.8
	// closing is how long the farewell may take.
	closing = time.Second
	// maxMessage bounds one message of the server, which says how long it is
	// before it comes.
	maxMessage = 16 << 20
)

// postgres asks queries that only read, each time over one connection.
type postgres struct {
	config  *pgx.ConnConfig
	access  bricks.Access
	queries map[string]bricks.SQL
}

func newPostgres(address string, access bricks.Access, r bricks.Request) (*postgres, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, errors.New("the address of the database cannot be read; write one as postgres:///name?host=/run/postgresql")
	}
	if access.Username != "" {
		config.User = access.Username
	}
	config.MaxProtocolMessageBodyLen = maxMessage
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // no prepared statements: a pooler may stand between
	config.RuntimeParams["application_name"] = "tocsin"
	config.RuntimeParams["default_transaction_read_only"] = "on"
	config.RuntimeParams["search_path"] = "public"
	return &postgres{config: config, access: access, queries: r.Queries}, nil
}

// Ask implements Asker. The answer is an object with the rows of each query; a
// query whose table does not exist is null, one that failed is left out.
func (p *postgres) Ask(ctx context.Context) (Raw, error) {
	conn, err := p.connect(ctx)
	if err != nil {
		return Raw{}, err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
		defer cancel()
		_ = conn.Close(end) // the server notices by itself
	}()
	if err := limit(ctx, conn); err != nil {
		return Raw{}, err
	}
	results := map[string]json.RawMessage{}
	var first *Failure
	for _, name := range slices.Sorted(maps.Keys(p.queries)) {
		rows, err := query(ctx, conn, p.queries[name])
		if err != nil {
			if first == nil {
				first = &Failure{err.Reason, "query " + name + ": " + err.Words}
			}
			if conn.IsClosed() {
				break
			}
			continue
		}
		results[name] = rows
	}
	body, err := json.Marshal(results)
	if err != nil {
		return Raw{}, fail(bricks.Unparsable, "its rows are no JSON")
	}
	if first != nil {
		return Raw{Body: body}, first
	}
	return Raw{Body: body}, nil
}

func (p *postgres) connect(ctx context.Context) (*pgx.Conn, error) {
	password, err := credential(p.access.Password)
	if err != nil {
		return nil, err
	}
	config := p.config.Copy()
	if !password.IsZero() {
		config.Password = password.Reveal()
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, refused(err)
	}
	return conn, nil
}

// limit bounds what a statement may take by what is left of the deadline.
func limit(ctx context.Context, conn *pgx.Conn) error {
	left := 30 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		left = time.Until(deadline)
	}
	ms := max(1, time.Duration(float64(left)*statementShare).Milliseconds())
	_, err := conn.Exec(ctx, fmt.Sprintf("SET statement_timeout = %d; SET lock_timeout = %d", ms, max(1, ms/2)), pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return refused(err)
	}
	return nil
}

// query lets the server itself write the rows as JSON and say no to too many:
// what a column's type is does not matter here, and the size is known before
// anything is sent.
func query(ctx context.Context, conn *pgx.Conn, q bricks.SQL) (json.RawMessage, *Failure) {
	if q.Needs != "" {
		var there bool
		if err := conn.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", q.Needs).Scan(&there); err != nil {
			return nil, refused(err)
		}
		if !there {
			return json.RawMessage("null"), nil
		}
	}
	var rows, size int
	var body *string
	sql := fmt.Sprintf(`WITH tocsin_rows AS (SELECT * FROM (%s) AS asked LIMIT %d),
tocsin_json AS (SELECT count(*)::int AS n, coalesce(json_agg(row_to_json(tocsin_rows)), '[]')::text AS j FROM tocsin_rows)
SELECT n, length(j), CASE WHEN n <= %d AND length(j) <= %d THEN j END FROM tocsin_json`, q.Text, maxSQLRows+1, maxSQLRows, MaxAnswer/4)
	if err := conn.QueryRow(ctx, sql).Scan(&rows, &size, &body); err != nil {
		return nil, refused(err)
	}
	if body == nil {
		return nil, fail(bricks.TooLarge, "it gives more than %d rows or %d MiB", maxSQLRows, MaxAnswer/4>>20)
	}
	return json.RawMessage(*body), nil
}

// refused tells an error of the database by its code: the text may hold data.
func refused(err error) *Failure {
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		var connecting *pgconn.ConnectError
		if errors.As(err, &connecting) && strings.Contains(err.Error(), "TLS") {
			return fail(bricks.TLS, "it does not speak TLS as its address asks")
		}
		return network(err, "")
	}
	switch class := server.Code[:min(2, len(server.Code))]; {
	case class == "28":
		return fail(bricks.Denied, "it refuses this user (%s)", server.Code)
	case server.Code == "42501":
		return fail(bricks.Denied, "this user may not read a table of it (%s)", server.Code)
	case server.Code == "3D000":
		return fail(bricks.Unexpected, "there is no such database (%s)", server.Code)
	case class == "42":
		return fail(bricks.Unexpected, "a table or column is not as the kind knows it (%s)", server.Code)
	case server.Code == "57014", server.Code == "55P03":
		return fail(bricks.Timeout, "it does not end in time (%s)", server.Code)
	case class == "53":
		return fail(bricks.Failed, "it has no connection or no space left (%s)", server.Code)
	case class == "57":
		return fail(bricks.Unreachable, "it is starting or shutting down (%s)", server.Code)
	}
	return fail(bricks.Failed, "the database answers with error %s", bytes.ToUpper([]byte(server.Code)))
}
