package depth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/frame"
)

// A walk goes through all databases of a server, one after another, over its
// one connection. Between two statements it gives the connection back, so that
// a scrape waits for one statement at most.
type walk struct {
	cfg     Config
	source  Source
	chooses func(database string) bool
	inside  func(schema string) bool
}

// finish is the share of the walk's time that is for walking; in the rest its
// result is handed over.
const finish = 0.95

// maxNamed is how many databases an error names.
const maxNamed = 5

// round is one walk under way.
type round struct {
	*walk
	sink      *frame.Sink
	tables    top[tableRow]
	schemas   top[schemaRow]
	indexes   top[indexRow]
	sequences top[[3]string]
	oldest    top[tableAge]
	total     map[string]float64 // of each kind, how many there are
	unchosen  map[string]float64 // of each kind, how many were not chosen
}

// Name implements frame.Collector.
func (*walk) Name() string { return "walk" }

// Families implements frame.Collector.
func (*walk) Families() []*frame.Family {
	return slices.Concat(families(userTables), families(ioTables), []*frame.Family{
		bloatColumn.family, leftOut, databaseXIDAge, databaseMultixactAge, databaseWalked, databaseFailure,
	}, schemaFamilies(), indexFamilies(), []*frame.Family{sequenceUsed, sequencesUnread, tableXIDAge})
}

// Collect implements frame.Collector.
func (w *walk) Collect(ctx context.Context, s *frame.Sink) error {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(float64(time.Until(deadline))*finish))
		defer cancel()
	}
	all, err := listDatabases(ctx, w.source)
	if err != nil {
		return err
	}
	t := w.cfg.Top
	r := &round{
		walk: w, sink: s, total: map[string]float64{}, unchosen: map[string]float64{},
		tables: top[tableRow]{n: t.Tables}, schemas: top[schemaRow]{n: t.Schemas}, indexes: top[indexRow]{n: t.Indexes},
		sequences: top[[3]string]{n: t.Sequences}, oldest: top[tableAge]{n: t.Oldest},
	}
	err = r.visit(ctx, all)
	r.tell()
	return err
}

func (r *round) visit(ctx context.Context, all []database) error {
	var wrong []error
	failures := 0
	admitNone, unchosen := 0.0, 0.0
	for _, d := range all {
		r.sink.Send(databaseXIDAge, d.xid, d.label)
		if d.multixact >= 0 {
			r.sink.Send(databaseMultixactAge, d.multixact, d.label)
		}
		switch r.skipped(d) {
		case notChosen:
			unchosen++
			continue
		case admitsNone:
			admitNone++
			continue
		}
		if ctx.Err() != nil {
			wrong = append(wrong, frame.Fail(frame.ReasonTimeout, errNotRead))
			break
		}
		err := r.database(ctx, d)
		if reason := frame.ReasonOf(err); err != nil && (reason == frame.ReasonUnreachable || reason == frame.ReasonTimeout) {
			if _, down := listDatabases(ctx, r.source); down != nil { // it is not this database alone
				return down
			}
		}
		if err = r.outcome(ctx, d, err); err != nil {
			if failures++; failures <= maxNamed {
				wrong = append(wrong, frame.Fail(frame.ReasonOf(err), fmt.Errorf("database %q: %w", d.label, err)))
			}
		}
	}
	r.sink.Send(leftOut, unchosen, "database", notChosen)
	r.sink.Send(leftOut, admitNone, "database", admitsNone)
	if failures > maxNamed {
		wrong = append(wrong, fmt.Errorf("and %d more databases", failures-maxNamed))
	}
	return errors.Join(wrong...)
}

// outcome tells how a database's turn ended, and returns what is wrong with it.
func (r *round) outcome(ctx context.Context, d database, err error) error {
	if err == nil {
		r.sink.Send(databaseWalked, 1, d.label)
		return nil
	}
	reason := string(frame.ReasonOf(err))
	if r.isGone(ctx, d) {
		reason, err = dropped, nil
	}
	r.sink.Send(databaseWalked, 0, d.label)
	r.sink.Send(databaseFailure, 1, d.label, reason)
	return err
}

// isGone tells whether a database that failed is no longer listed.
func (r *round) isGone(ctx context.Context, d database) bool {
	all, err := listDatabases(ctx, r.source)
	return err == nil && !slices.ContainsFunc(all, func(o database) bool { return o.bytes == d.bytes })
}

// database looks into one database. What one statement fails at, the next may
// still tell.
func (r *round) database(ctx context.Context, d database) error {
	if !d.mayConnect {
		return frame.Fail(frame.ReasonPermission, fmt.Errorf("this user may not connect to it; GRANT CONNECT ON DATABASE %q TO the user, or exclude it", d.label))
	}
	if d.locked && !d.own {
		return frame.Fail(frame.ReasonTimeout, errors.New("somebody holds a lock on its catalogue (VACUUM FULL, REINDEX or LOCK), so that it is not connected to"))
	}
	name := d.bytes
	if d.own {
		name = ""
	}
	var chosen []uint32 // nil: all schemas
	tables := 0.0
	steps := []func(Conn) error{
		func(c Conn) (err error) { chosen, tables, err = r.askSchemas(ctx, c, d); return err },
		func(c Conn) error { return r.askTables(ctx, c, d, chosen) },
		func(c Conn) error { return r.askOldest(ctx, c, d) },
		func(c Conn) error { return r.askIndexes(ctx, c, d, chosen) },
		func(c Conn) error { return r.askSequences(ctx, c, d, chosen) },
	}
	var wrong error
	for i, step := range steps {
		if i > 0 && tables == 0 && i != 2 && i != 4 {
			continue
		}
		err := r.source.With(ctx, name, step)
		if err != nil && (i == 0 || frame.ReasonOf(err) == frame.ReasonUnreachable || ctx.Err() != nil) {
			return errors.Join(wrong, err)
		}
		if wrong == nil {
			wrong = err
		}
	}
	return wrong
}

// tell sends what the walk kept of all databases.
func (r *round) tell() {
	for _, e := range r.tables.entries() {
		e.entry.send(r.sink)
	}
	for _, e := range r.schemas.entries() {
		r.sink.Send(schemaBytes, e.rank, e.entry.labels[:]...)
		r.sink.Send(schemaTables, e.entry.tables, e.entry.labels[:]...)
	}
	r.tellIndexes()
	for _, e := range r.sequences.entries() {
		r.sink.Send(sequenceUsed, e.rank, e.entry[:]...)
	}
	for _, e := range r.oldest.entries() {
		r.sink.Send(tableXIDAge, e.rank, e.entry.labels[:]...)
	}
	told := map[string]int{
		"table": len(r.tables.entries()), "schema": len(r.schemas.entries()), "index": len(r.indexes.entries()), "sequence": len(r.sequences.entries()),
	}
	for kind, n := range told {
		r.sink.Send(leftOut, max(r.total[kind]-float64(n), 0), kind, beyondLimit)
		if kind != "index" && kind != "sequence" {
			r.sink.Send(leftOut, r.unchosen[kind], kind, notChosen)
		}
	}
}
