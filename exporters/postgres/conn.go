package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"tocsin/internal/frame"
)

const (
	// patience is how long a statement may take; the server itself ends it then.
	patience = 3 * time.Second
	// grace is how much later we do, where the server does not.
	grace = time.Second
	// lockPatience is how long it may wait for a lock: a page of 30 statements
	// that all wait still is in time.
	lockPatience = 100 * time.Millisecond
	// maxMessage bounds one message of the server, a row as a rule: it says how
	// long that is before it comes, and so much memory is taken.
	maxMessage = 64 << 20
)

// A conn is an open connection to one database, used by one at a time.
type conn struct {
	pgx      *pgx.Conn
	database string // as with was asked for it
	version  version
	user     string // the role
	standby  bool   // it was in recovery when it was last asked
	seesAll  bool   // the role sees the statistics of all others
	hung     bool   // a statement did not end, although the server was to end it

	statements map[*query]*statement
	prepared   int               // how many were, for their names
	schemas    map[string]string // of extensions, quoted; "" is not created
}

// connConfig makes a configuration of the DSN. Files that it names are read
// anew each time.
func (s *server) connConfig(database string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(s.dsn)
	if err != nil {
		return nil, frame.Fail(frame.ReasonError, unreadable(err))
	}
	password, err := s.password.Read()
	if err != nil {
		return nil, fmt.Errorf("password_file: %w", err)
	}
	if !password.IsZero() {
		config.Password = password.Reveal()
	}
	if database != "" {
		config.Database = database
	}
	if config.ConnectTimeout == 0 || config.ConnectTimeout > patience {
		config.ConnectTimeout = patience
	}
	config.MaxProtocolMessageBodyLen = maxMessage
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol // every value as text, whatever its type
	for _, word := range ignoredWords {
		delete(config.RuntimeParams, word)
	}
	maps.Copy(config.RuntimeParams, map[string]string{
		"application_name": "tocsin",
		"client_encoding":  "UTF8",
		ownMark:            "on",
	})
	return config, nil
}

// ownMark is a setting of ours. A server keeps it; a pooler refuses it, or does
// not pass it on. What is set behind a pooler would be other clients' too.
const ownMark = "tocsin.session"

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// first is asked on each new connection.
//
// Source: PostgreSQL's manual, 22.5: pg_read_all_stats is there from version 10
// on.
const first = `SELECT current_setting('server_version_num'), current_user, pg_is_in_recovery(), current_setting('` + ownMark + `'),
	(SELECT rolsuper FROM pg_roles WHERE rolname = current_user) OR
	coalesce((SELECT pg_has_role(oid, 'USAGE') FROM pg_roles WHERE rolname = 'pg_read_all_stats'), false)`

// bounds are set on each new connection: not at its start, so that pg_settings
// still has the server's own beside them (reset_val). The search path is narrow,
// so that nobody who may create functions in a database has ours call them
// (PostgreSQL's manual, 5.10.6).
var bounds = fmt.Sprintf(`SELECT set_config('search_path', 'pg_catalog', false), set_config('default_transaction_read_only', 'on', false),
	set_config('statement_timeout', '%s', false), set_config('lock_timeout', '%s', false)`, milliseconds(patience), milliseconds(lockPatience))

// boundsOf adds that none of our statements is shared out among processes: we
// take one, however large a catalogue is.
func boundsOf(v version) string {
	if v < v9_6 {
		return bounds
	}
	return bounds + ", set_config('max_parallel_workers_per_gather', '0', false)"
}

// errPooled is what a pooler is told by, that passes settings on to nobody.
var errPooled = frame.Fail(frame.ReasonRefused, errors.New("a pooler (PgBouncer) stands between, where settings of a session would be other clients' too: "+
	"give the address of the server itself"))

// connect opens a connection, asks who is there, and bounds what is asked.
func connect(ctx context.Context, config *pgx.ConnConfig, database string) (*conn, error) {
	db, err := pgx.ConnectConfig(ctx, config)
	var server *pgconn.PgError
	if errors.As(err, &server) && server.Code == "42501" {
		return nil, frame.Fail(frame.ReasonPermission, fmt.Errorf("this user may not connect to the database: GRANT CONNECT ON DATABASE %s TO %s",
			quoted(config.Database), quoted(config.User)))
	}
	if err != nil {
		return nil, refused(err)
	}
	c := &conn{pgx: db, database: database, statements: map[*query]*statement{}, schemas: map[string]string{}}
	ctx, cancel := context.WithTimeout(ctx, patience+grace)
	defer cancel()
	if err := c.begin(ctx); err != nil {
		_ = db.Close(ctx)
		return nil, err
	}
	return c, nil
}

func (c *conn) begin(ctx context.Context) error {
	var number, mark string
	err := c.pgx.QueryRow(ctx, first).Scan(&number, &c.user, &c.standby, &mark, &c.seesAll)
	var server *pgconn.PgError
	if errors.As(err, &server) && server.Code == "42704" {
		return errPooled
	}
	n, wrong := strconv.Atoi(number)
	if c.version = version(n); err == nil {
		_, err = c.pgx.Exec(ctx, boundsOf(c.version))
	}
	if err == nil && c.pgx.PgConn().ParameterStatus("server_encoding") == "SQL_ASCII" { // it can hold anything, and would refuse to give it as UTF-8
		_, err = c.pgx.Exec(ctx, "SET client_encoding = 'SQL_ASCII'")
	}
	if err != nil {
		return refused(err)
	}
	if wrong != nil {
		return errors.New("the server does not say which version it is")
	}
	return nil
}

// statement is a query as this connection knows it. It is prepared once: to plan
// it anew each time costs the server more than to answer it.
func (c *conn) statement(ctx context.Context, q *query) (*statement, error) {
	if st := c.statements[q]; st != nil {
		return st, nil
	}
	sql := q.text(c.version)
	if sql == "" {
		return nil, frame.ErrNoData
	}
	if q.extension != "" {
		schema, err := c.schema(ctx, q.extension)
		if err != nil {
			return nil, err
		}
		sql = strings.ReplaceAll(sql, "{schema}", schema)
	}
	c.prepared++
	described, err := c.pgx.PgConn().Prepare(ctx, fmt.Sprintf("tocsin_%d", c.prepared), sql, nil)
	if err != nil {
		return nil, err
	}
	st := &statement{described: described, columns: described.Fields}
	st.read(q)
	c.statements[q] = st
	return st, nil
}

// schema is where an extension lives, quoted.
func (c *conn) schema(ctx context.Context, extension string) (string, error) {
	schema, known := c.schemas[extension]
	if !known {
		err := c.pgx.QueryRow(ctx, "SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = '"+extension+"'").Scan(&schema)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return "", c.refused(err)
		}
		if schema != "" {
			c.schemas[extension] = schema
		}
	}
	if schema == "" {
		return "", c.missing(extension)
	}
	return schema, nil
}

// each asks a query and shows its rows, which last until the next.
func (c *conn) each(ctx context.Context, q *query, row func([][]byte) error) error {
	return c.ask(ctx, q, func(_ *statement, raw [][]byte) error { return row(raw) })
}

// ask is each, with what the columns are. Where what was prepared reads something
// that has changed its form, it is prepared and asked once more.
func (c *conn) ask(ctx context.Context, q *query, row func(*statement, [][]byte) error) error {
	err := c.askRaw(ctx, q, row)
	var told *frame.Error
	if err == nil || errors.Is(err, frame.ErrNoData) || errors.As(err, &told) {
		return err
	}
	return c.refused(err)
}

// askRaw is ask with parameters; what the server answers is not put in words.
func (c *conn) askRaw(ctx context.Context, q *query, row func(*statement, [][]byte) error, params ...string) error {
	own, cancel := context.WithTimeout(ctx, patience+grace)
	defer cancel()
	err := c.once(own, q, row, params)
	var server *pgconn.PgError
	if errors.As(err, &server) && (server.Code == "0A000" || server.Code == "26000") {
		delete(c.statements, q)
		err = c.once(own, q, row, params)
	}
	c.hung = own.Err() != nil && ctx.Err() == nil
	return err
}

func (c *conn) once(ctx context.Context, q *query, row func(*statement, [][]byte) error, params []string) error {
	st, err := c.statement(ctx, q)
	if err != nil {
		return err
	}
	raw := make([][]byte, len(params))
	for i := range params {
		raw[i] = []byte(params[i])
	}
	rows := c.pgx.PgConn().ExecStatement(ctx, st.described, raw, nil, nil)
	var wrong error
	for rows.NextRow() {
		if err := row(st, rows.Values()); err != nil && wrong == nil {
			wrong = frame.Fail(frame.ReasonInvalid, err)
		}
	}
	if _, err := rows.Close(); err != nil {
		return err
	}
	return wrong
}
