package depth

import (
	"context"
	"strconv"

	"tocsin/internal/frame"
)

var schemaLabels = []string{"datname", "schemaname"}

var (
	schemaBytes = &frame.Family{
		Name: "tocsin_postgres_schema_bytes", Type: frame.Gauge, Labels: schemaLabels,
		Help: "What the tables of the schema take on disk, with indexes and TOAST, as of the newest VACUUM or ANALYZE of each.",
	}
	schemaTables = &frame.Family{
		Name: "tocsin_postgres_schema_tables", Type: frame.Gauge, Labels: schemaLabels,
		Help: "How many tables the schema has.",
	}
	databaseSchemas = databaseGauge("schemas", "How many schemas the database has, the server's own aside.")
	databaseTables  = databaseGauge("tables", "How many tables the database has, the server's own aside.")
	databaseLive    = databaseGauge("live_rows", "Rows of the database's tables, by the server's estimate.")
	databaseDead    = databaseGauge("dead_rows", "Dead rows of the database's tables, by the server's estimate.")
	databaseOverdue = &frame.Family{
		Name: "tocsin_postgres_database_tables_overdue", Type: frame.Gauge, Labels: []string{"datname", "maintenance"},
		Help: "How many tables have more than twice as many dead (vacuum) or changed (analyze) rows as the server's settings let autovacuum leave; what a table sets for itself is not looked at.",
	}
)

func schemaFamilies() []*frame.Family {
	return []*frame.Family{schemaBytes, schemaTables, databaseSchemas, databaseTables, databaseLive, databaseDead, databaseOverdue}
}

// schemasSQL reads pg_class once: of each schema its oid and name, how many
// tables it has, their pages on disk in bytes, their rows, and how many of them
// wait for maintenance.
const schemasSQL = `WITH rule AS (SELECT current_setting('block_size')::bigint AS page,
	current_setting('autovacuum_vacuum_threshold')::float8 AS dead, current_setting('autovacuum_vacuum_scale_factor')::float8 AS dead_share,
	current_setting('autovacuum_analyze_threshold')::float8 AS changed, current_setting('autovacuum_analyze_scale_factor')::float8 AS changed_share)
SELECT n.oid, n.nspname, count(c.oid) FILTER (WHERE c.relkind IN ('r', 'p')),
	coalesce(sum((c.relpages::bigint + coalesce(o.relpages, 0) + coalesce(oi.relpages, 0)) * rule.page), 0),
	coalesce(sum(s.live), 0), coalesce(sum(s.dead), 0),
	count(*) FILTER (WHERE s.dead > 2 * (rule.dead + rule.dead_share * greatest(c.reltuples, 0))),
	count(*) FILTER (WHERE s.changed > 2 * (rule.changed + rule.changed_share * greatest(c.reltuples, 0))),
	count(c.oid) FILTER (WHERE c.relkind IN ('r', 'p', 'm'))
FROM pg_namespace n CROSS JOIN rule
LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'm', 'i', 'S')
LEFT JOIN pg_class o ON o.oid = c.reltoastrelid
LEFT JOIN pg_index x ON x.indrelid = o.oid LEFT JOIN pg_class oi ON oi.oid = x.indexrelid
LEFT JOIN LATERAL (SELECT pg_stat_get_live_tuples(c.oid) AS live, pg_stat_get_dead_tuples(c.oid) AS dead,
	pg_stat_get_mod_since_analyze(c.oid) AS changed WHERE c.relkind IN ('r', 'm')) s ON true
WHERE ` + userSchema + ` GROUP BY n.oid, n.nspname`

// askSchemas tells of the database by its schemas. It returns the schemas that
// were chosen, nil for all, and how many tables they have,
// materialized views among them.
func (r *round) askSchemas(ctx context.Context, c Conn, d database) (chosen []uint32, tables float64, err error) {
	schemas, all, live, dead, vacuum, analyze := 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
	err = each(ctx, c, schemasSQL, func(row [][]byte) {
		schemas++
		all += number(row[2])
		live += number(row[4])
		dead += number(row[5])
		vacuum += number(row[6])
		analyze += number(row[7])
		name := text(row[1])
		if !r.inside(name) {
			r.unchosen["schema"]++
			r.unchosen["table"] += number(row[8])
			return
		}
		oid, _ := strconv.ParseUint(string(row[0]), 10, 32) // an oid is one
		chosen = append(chosen, uint32(oid))
		tables += number(row[8])
		r.total["schema"]++
		r.total["table"] += number(row[8])
		r.schemas.offer(number(row[3]), schemaRow{[2]string{d.label, name}, number(row[2])})
	})
	if err != nil {
		return nil, 0, err
	}
	if r.cfg.Schemas.IsZero() {
		chosen = nil
	} else if chosen == nil {
		chosen = []uint32{}
	}
	r.sink.Send(databaseSchemas, schemas, d.label)
	r.sink.Send(databaseTables, all, d.label)
	r.sink.Send(databaseLive, live, d.label)
	r.sink.Send(databaseDead, dead, d.label)
	r.sink.Send(databaseOverdue, vacuum, d.label, "vacuum")
	r.sink.Send(databaseOverdue, analyze, d.label, "analyze")
	return chosen, tables, nil
}

type schemaRow struct {
	labels [2]string
	tables float64
}
