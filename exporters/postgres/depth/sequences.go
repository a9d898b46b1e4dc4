package depth

import (
	"context"
	"fmt"
	"strconv"

	"tocsin/internal/frame"
)

var (
	sequenceUsed = &frame.Family{
		Name: "tocsin_postgres_sequence_used_ratio", Type: frame.Gauge, Labels: []string{"datname", "schemaname", "sequencename"},
		Help: "How much of its range a sequence has given out, or of the range of the integer column that it fills, if that is smaller: of those where it is most. Cycling ones have no end.",
	}
	sequencesUnread = databaseGauge("sequences_unread",
		"How many sequences of the database this user may not read, or somebody has locked: how near their end is, is not known.")
)

// batch is how many sequences are read at once: reading one locks it until the
// statement ends, and the server's table of locks has some thousand places.
const batch = 200

// sequencesSQL reads some sequences, in the order of their oids. An integer or
// smallint column that owns a sequence (serial, identity) ends before a bigint
// sequence does; before 10 all were bigint, and pg_upgrade keeps them.
func sequencesSQL(after uint64, chosen []uint32) string {
	where := userSchema
	if chosen != nil {
		where += " AND n.oid = ANY (" + oids(chosen) + ")"
	}
	return fmt.Sprintf(`WITH few AS (
	SELECT q.seqrelid, n.nspname, c.relname, q.seqmax, q.seqmin, q.seqincrement, q.seqcycle,
		has_sequence_privilege(c.oid, 'SELECT, USAGE') AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'relation' AND l.relation = c.oid
			AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
			AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')) AS readable,
		(SELECT min(CASE a.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647 END)
			FROM pg_depend e JOIN pg_attribute a ON a.attrelid = e.refobjid AND a.attnum = e.refobjsubid
			WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.refclassid = 'pg_class'::regclass AND e.deptype IN ('a', 'i')) AS fits
	FROM pg_sequence q
	JOIN pg_class c ON c.oid = q.seqrelid
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE q.seqrelid > %d AND %s
	ORDER BY q.seqrelid LIMIT %d)
SELECT s.seqrelid, s.nspname, s.relname, s.readable, s.seqcycle, CASE WHEN s.seqincrement > 0
	THEN (v.last::numeric - s.seqmin + 1) / greatest(1, least(s.seqmax, s.fits)::numeric - s.seqmin + 1)
	ELSE (s.seqmax::numeric - v.last + 1) / greatest(1, s.seqmax::numeric - s.seqmin + 1) END
FROM few s LEFT JOIN LATERAL (SELECT CASE WHEN s.readable AND NOT s.seqcycle THEN pg_sequence_last_value(s.seqrelid) END AS last) v ON true
ORDER BY s.seqrelid`, after, where, batch)
}

// askSequences reads the sequences of a database. Before 10 each is a table of
// its own, so that there is no way to read many: not in those versions.
func (r *round) askSequences(ctx context.Context, c Conn, d database, chosen []uint32) error {
	if c.Version() < 100000 {
		return nil
	}
	unread, after := 0.0, uint64(0)
	for {
		read := 0
		err := each(ctx, c, sequencesSQL(after, chosen), func(row [][]byte) {
			read++
			after, _ = strconv.ParseUint(string(row[0]), 10, 32) // an oid is one
			switch {
			case truth(row[4]):
			case !truth(row[3]):
				unread++
			default:
				r.total["sequence"]++
				r.sequences.offer(number(row[5]), [3]string{d.label, text(row[1]), text(row[2])})
			}
		})
		if err != nil {
			return err
		}
		if read < batch {
			break
		}
	}
	r.sink.Send(sequencesUnread, unread, d.label)
	return nil
}
