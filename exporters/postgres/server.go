package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"tocsin/internal/frame"
	"tocsin/internal/secret"
)

const (
	// idle is after how long without a question the connection is closed.
	idle = time.Minute
	// farewell is how long closing may take.
	farewell = time.Second
	// pause is for how long a server that answered with a refusal is not asked
	// again: all collectors of a scrape share one attempt.
	pause = time.Second
	// longPause is the same for one that did not answer, doubled each time up to
	// maxPause: one that is stopped keeps each attempt, to look at them all when
	// it goes on.
	longPause = 10 * time.Second
	maxPause  = time.Minute
)

// A server is asked over one connection, by one at a time. Its methods may be
// called from any goroutine.
type server struct {
	dsn      string
	password secret.Source
	address  string // as the label server has it

	answers atomic.Bool  // it did when it was last asked
	scraped atomic.Int64 // when it was last asked in the database of its DSN, in nanoseconds

	// turn holds one token: who has it may use the fields below.
	turn     chan struct{}
	conn     *conn           // nil: none is open
	leaving  <-chan struct{} // nil, or closed once the last connection is gone
	idle     *time.Timer
	gone     error         // why the server could not be asked
	notUntil time.Time     // until when it is not asked again
	pause    time.Duration // how long it was left alone the last time it did not answer
	pass     pass
}

func newServer(cfg Config) (*server, error) {
	words, err := parseDSN(cfg.DSN)
	if err != nil {
		return nil, err
	}
	s := &server{
		dsn: cfg.DSN, password: secret.Source{Value: cfg.Password, File: cfg.PasswordFile},
		address: words.address(), turn: make(chan struct{}, 1), pass: pass{loaded: time.Now()},
	}
	s.turn <- struct{}{}
	return s, nil
}

// errBusy says nothing of the server.
var errBusy = frame.Fail(frame.ReasonTimeout, errors.New("the connection was busy all the time"))

// with hands the connection to use, in a database: "" is the one of the DSN.
// It waits for its turn until ctx ends. The connection stays open for the next;
// another database, or an error of the connection, closes it.
func (s *server) with(ctx context.Context, database string, use func(*conn) error) error {
	select {
	case <-s.turn:
	case <-ctx.Done():
		return errBusy
	}
	defer func() { s.turn <- struct{}{} }()
	if s.idle != nil {
		s.idle.Stop()
	}
	err := s.ask(ctx, database, use)
	s.pass.note(err)
	if database == "" {
		s.scraped.Store(time.Now().UnixNano())
	}
	if s.conn != nil {
		s.idle = time.AfterFunc(idle, s.hangUp)
	}
	return err
}

func (s *server) ask(ctx context.Context, database string, use func(*conn) error) error {
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
		if s.conn.hung {
			s.leaveAlone(err)
		}
		s.close()
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
	pg := s.conn.pgx.PgConn()
	s.leaving = pg.CleanupDone()
	if taken, err := pg.Hijack(); err == nil {
		s.leaving = nil
		bid(taken.Conn)
	}
	s.conn = nil
}

// bid takes leave of the server and waits until it has gone: its end of the
// connection takes a place among max_connections for some milliseconds more.
func bid(conn net.Conn) {
	defer conn.Close()
	if conn.SetDeadline(time.Now().Add(farewell)) != nil {
		return
	}
	bye, _ := (&pgproto3.Terminate{}).Encode(nil) // it has no content
	if _, err := conn.Write(bye); err == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(conn, 1<<20)) // what it still had to say; nobody waits for that
	}
}

// open connects, unless the server is left alone for now. A connection that is
// still being given up counts as one: there is no second beside it.
func (s *server) open(ctx context.Context, database string) error {
	if time.Now().Before(s.notUntil) {
		return s.gone
	}
	if s.leaving != nil {
		select {
		case <-s.leaving:
			s.leaving = nil
		case <-ctx.Done():
			return frame.Fail(frame.ReasonTimeout, errors.New("the server does not answer: the last connection is still being closed"))
		}
	}
	config, err := s.connConfig(database)
	if err != nil {
		return err
	}
	c, err := connect(ctx, config, database)
	if err == nil {
		s.conn, s.gone, s.notUntil, s.pause = c, nil, time.Time{}, 0
		return nil
	}
	switch {
	case database != "": // another one may be well
	case frame.ReasonOf(err) == frame.ReasonTimeout:
		s.leaveAlone(err)
	default:
		s.gone, s.notUntil, s.pause = err, time.Now().Add(pause), 0
	}
	return err
}

// leaveAlone gives a server that does not answer some peace.
func (s *server) leaveAlone(err error) {
	s.pause = min(max(2*s.pause, longPause), maxPause)
	s.gone, s.notUntil = err, time.Now().Add(s.pause)
}
