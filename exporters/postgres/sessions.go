package postgres

import "tocsin/internal/frame"

var (
	connectionsUsed = &frame.Family{
		Name: "tocsin_postgres_connections_used", Type: frame.Gauge,
		Help: "How many clients are connected, Tocsin among them.",
	}
	connectionsAllowed = &frame.Family{
		Name: "tocsin_postgres_connections_allowed", Type: frame.Gauge,
		Help: "How many may be: max_connections without those that are kept for superusers and for pg_use_reserved_connections.",
	}
	oldestTransaction = &frame.Family{
		Name: "tocsin_postgres_oldest_transaction_seconds", Type: frame.Gauge,
		Help: "For how long the oldest transaction of a client has been open, by the server's clock, 0 for none. Autovacuum, WAL senders and Tocsin are left out.",
	}
	oldestIdle = &frame.Family{
		Name: "tocsin_postgres_oldest_idle_in_transaction_seconds", Type: frame.Gauge,
		Help: "For how long a client has done nothing in an open transaction, the longest, 0 for none.",
	}
	oldestPrepared = &frame.Family{
		Name: "tocsin_postgres_oldest_prepared_transaction_seconds", Type: frame.Gauge,
		Help: "For how long a prepared transaction (two-phase commit) has waited for its end, the longest, 0 for none.",
	}
	blockedSessions = &frame.Family{
		Name: "tocsin_postgres_blocked_sessions", Type: frame.Gauge,
		Help: "How many sessions wait for a lock that another one holds; from 9.6 on.",
	}
	blockedLongest = &frame.Family{
		Name: "tocsin_postgres_blocked_longest_seconds", Type: frame.Gauge,
		Help: "For how long one of them has waited, the longest, 0 for none. Before 14 it is counted from the statement's start.",
	}
	blockingSessions = &frame.Family{
		Name: "tocsin_postgres_blocking_sessions", Type: frame.Gauge,
		Help: "How many sessions hold the others up, waiting ones among them.",
	}
)

// The waiting are bounded: pg_blocking_pids stops the lock manager for each.
const sessionsSQL = `WITH sessions AS (
	SELECT a.pid, a.xact_start, a.state, a.state_change, a.query = '<insufficient privilege>' AS hidden%WAITS%
	FROM pg_stat_activity a WHERE %CLIENTS%)%WAITING%
SELECT (SELECT count(*) FROM sessions) AS used,
	current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int%RESERVED% AS allowed,
	(SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0) FROM sessions WHERE pid <> pg_backend_pid()) AS oldest,
	(SELECT coalesce(max(extract(epoch FROM clock_timestamp() - state_change)), 0) FROM sessions
		WHERE state LIKE 'idle in transaction%') AS idle,
	(SELECT coalesce(max(extract(epoch FROM clock_timestamp() - prepared)), 0) FROM pg_prepared_xacts) AS prepared,
	(SELECT count(*) FROM sessions WHERE hidden) AS hidden%BLOCKED%`

const blockedSQL = `,
	(SELECT count(*) FROM waiting) AS blocked,
	(SELECT coalesce(max(extract(epoch FROM clock_timestamp() - since)), 0) FROM waiting) AS longest,
	(SELECT count(DISTINCT b) FROM waiting, unnest(pg_blocking_pids(waiting.pid)) b) AS blocking`

// sessions tells of the clients: how many, what they keep open, and who waits
// for whom.
func sessions(s *server) *reading {
	const (
		clients   = "a.backend_type = 'client backend'"
		clients9  = "a.query NOT LIKE 'autovacuum: %' AND a.pid NOT IN (SELECT pid FROM pg_stat_replication)"
		waits     = ", a.wait_event_type = 'Lock' AS waits, a.query_start"
		waiting   = ",\nwaiting AS (SELECT pid, query_start AS since FROM sessions WHERE waits LIMIT 100)"
		waiting14 = `,
waiting AS (SELECT w.pid, coalesce((SELECT min(l.waitstart) FROM pg_locks l WHERE l.pid = w.pid AND NOT l.granted), w.query_start) AS since
	FROM (SELECT pid, query_start FROM sessions WHERE waits ORDER BY query_start LIMIT 100) w)`
		reserved = " - current_setting('reserved_connections')::int"
	)
	return &reading{
		name: "sessions", server: s,
		declared: []*frame.Family{
			connectionsUsed, connectionsAllowed, oldestTransaction, oldestIdle, oldestPrepared, blockedSessions, blockedLongest, blockingSessions,
		},
		variants: []variant{
			{v16, fill(sessionsSQL, "%CLIENTS%", clients, "%WAITS%", waits, "%WAITING%", waiting14, "%RESERVED%", reserved, "%BLOCKED%", blockedSQL)},
			{v14, fill(sessionsSQL, "%CLIENTS%", clients, "%WAITS%", waits, "%WAITING%", waiting14, "%RESERVED%", "", "%BLOCKED%", blockedSQL)},
			{v10, fill(sessionsSQL, "%CLIENTS%", clients, "%WAITS%", waits, "%WAITING%", waiting, "%RESERVED%", "", "%BLOCKED%", blockedSQL)},
			{v9_6, fill(sessionsSQL, "%CLIENTS%", clients9, "%WAITS%", waits, "%WAITING%", waiting, "%RESERVED%", "", "%BLOCKED%", blockedSQL)},
			{v9_4, fill(sessionsSQL, "%CLIENTS%", clients9, "%WAITS%", "", "%WAITING%", "", "%RESERVED%", "", "%BLOCKED%", "")},
		},
		send: sendSessions,
	}
}

func sendSessions(rows []row, out *frame.Sink) error {
	for _, r := range rows {
		r.sendTo(out, connectionsUsed, "used")
		r.sendTo(out, connectionsAllowed, "allowed")
		if n, _ := r.number("hidden"); n > 0 {
			return hidden("pg_stat_activity")
		}
		for column, f := range map[string]*frame.Family{
			"oldest": oldestTransaction, "idle": oldestIdle, "prepared": oldestPrepared,
			"blocked": blockedSessions, "longest": blockedLongest, "blocking": blockingSessions,
		} {
			r.sendTo(out, f, column)
		}
	}
	return nil
}
