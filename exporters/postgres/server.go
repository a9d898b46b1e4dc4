package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"tocsin/internal/frame"
	"tocsin/internal/secret"
)

const (
	// patience is how long a statement may take.
	patience = 5 * time.Second
	// lockPatience is how long it may wait for a lock: whoever holds a
	// catalogue's for longer holds it for long.
	lockPatience = 500 * time.Millisecond
	// idle is after how long without a question the connection is closed.
	idle = time.Minute
	// farewell is how long closing may take.
	farewell = time.Second
	// pause is for how long a server that did not answer is not asked again: one
	// that is stopped keeps each attempt, to look at them all when it goes on.
	pause = 10 * time.Second
)

// A server is asked over one connection, by one at a time. Its methods may be
// called from any goroutine.
type server struct {
	config   *pgx.ConnConfig
	password secret.Source

	// turn holds one token: who has it may use the fields below.
	turn     chan struct{}
	conn     *conn // nil: none is open
	idle     *time.Timer
	gone     error     // why the server did not answer
	notUntil time.Time // until when it is not asked again
}

// A conn is an open connection to one database.
type conn struct {
	pgx      *pgx.Conn
	database string
	version  version
}

func newServer(cfg Config) (*server, error) {
	config, err := pgx.ParseConfig(cfg.DSN)
	if err != nil {
		return nil, errors.New("its address cannot be read; write one as postgres:///postgres?host=/run/postgresql")
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol // every value as text, whatever its type; a pooler may stand between
	maps.Copy(config.RuntimeParams, map[string]string{
		"application_name":              "tocsin",
		"default_transaction_read_only": "on",
		"statement_timeout":             milliseconds(patience),
		"lock_timeout":                  milliseconds(lockPatience),
	})
	s := &server{config: config, turn: make(chan struct{}, 1), password: secret.Source{Value: cfg.Password, File: cfg.PasswordFile}}
	s.turn <- struct{}{}
	return s, nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// with hands the connection to use, in a database: "" is the one of the DSN.
// It waits for its turn until ctx ends. The connection stays open for the next;
// another database, or an error of the connection, closes it.
func (s *server) with(ctx context.Context, database string, use func(*conn) error) error {
	select {
	case <-s.turn:
	case <-ctx.Done():
		return frame.Fail(frame.ReasonTimeout, errors.New("the connection was busy all the time"))
	}
	defer func() { s.turn <- struct{}{} }()
	if s.idle != nil {
		s.idle.Stop()
	}
	if database == "" {
		database = s.config.Database
	}
	if s.conn != nil && (s.conn.database != database || s.conn.pgx.IsClosed()) {
		s.close()
	}
	if s.conn == nil {
		if err := s.open(ctx, database); err != nil {
			return err
		}
	}
	err := use(s.conn)
	if s.conn.pgx.IsClosed() {
		s.close()
	} else {
		s.idle = time.AfterFunc(idle, s.hangUp)
	}
	return err
}

// hangUp closes a connection that nobody uses any more.
func (s *server) hangUp() {
	<-s.turn
	s.close()
	s.turn <- struct{}{}
}

func (s *server) close() {
	if s.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	_ = s.conn.pgx.Close(ctx) // the server notices by itself
	s.conn = nil
}

func (s *server) open(ctx context.Context, database string) error {
	if now := time.Now(); now.Before(s.notUntil) {
		return s.gone
	}
	password, err := s.password.Read()
	if err != nil {
		return fmt.Errorf("password_file: %w", err)
	}
	config := s.config.Copy()
	config.Database = database
	if !password.IsZero() {
		config.Password = password.Reveal()
	}
	db, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		err = refused(err)
		if database == s.config.Database {
			s.gone, s.notUntil = err, time.Now().Add(pause)
		}
		return err
	}
	s.gone, s.notUntil = nil, time.Time{}
	c := &conn{pgx: db, database: database}
	var number string
	if err := db.QueryRow(ctx, "SHOW server_version_num").Scan(&number); err != nil {
		_ = db.Close(ctx)
		return refused(err)
	}
	n, err := strconv.Atoi(number)
	if err != nil {
		_ = db.Close(ctx)
		return errors.New("it does not say which version it is")
	}
	c.version = version(n)
	s.conn = c
	return nil
}

// rows asks a statement; the values of its rows are text.
func (c *conn) rows(ctx context.Context, sql string) (pgx.Rows, error) {
	rows, err := c.pgx.Query(ctx, sql)
	if err != nil {
		return nil, refused(err)
	}
	return rows, nil
}
