package postgres

import "tocsin/internal/frame"

// The drop-in names of replication. lag_seconds is 0 on a standby that has
// replayed all that it received, be it cut off: postgres_exporter's meaning,
// which dashboards rest on. What is true is in tocsin_postgres_*: receiver.go
// and standbys.go.
var (
	replicationLag = &frame.Family{
		Name: "pg_replication_lag_seconds", Type: frame.Gauge,
		Help: "Age of the last replayed transaction, 0 when all that was received is replayed: also on a standby that is cut off.",
	}
	replicationIsReplica = &frame.Family{
		Name: "pg_replication_is_replica", Type: frame.Gauge,
		Help: "Whether the server is a standby.",
	}
	replicationLastReplay = &frame.Family{
		Name: "pg_replication_last_replay_seconds", Type: frame.Gauge,
		Help: "Age of the last replayed transaction; it grows while nothing is written on the primary.",
	}
)

// The server's identity, which tells a failover and two primaries.
var (
	systemInfo = &frame.Family{
		Name: "tocsin_postgres_system_info", Type: frame.Gauge, Labels: []string{"system_identifier", "role"},
		Help: "1 for what the server is: the identifier that it shares with its standbys, and its role, primary or standby.",
	}
	systemTimeline = &frame.Family{
		Name: "tocsin_postgres_timeline", Type: frame.Gauge,
		Help: "The timeline of the WAL that is written, or received; each promotion begins a new one.",
	}
	primaryStart = &frame.Family{
		Name: "tocsin_postgres_primary_start_time_seconds", Type: frame.Gauge, Labels: []string{"system_identifier"},
		Help: "When a primary was started, as Unix time: which tells two primaries from one that is measured twice.",
	}
)

const replicationSQL = `SELECT pg_is_in_recovery() AS is_replica,
	CASE WHEN NOT pg_is_in_recovery() THEN 0
		WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
		ELSE greatest(0, extract(epoch FROM now() - pg_last_xact_replay_timestamp())) END AS lag,
	greatest(0, extract(epoch FROM now() - pg_last_xact_replay_timestamp())) AS last_replay,
	extract(epoch FROM pg_postmaster_start_time()) AS started,
	CASE WHEN pg_is_in_recovery() THEN %RECEIVED%
		ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END AS timeline,
	%IDENTIFIER% AS system_identifier`

// replication tells of the server's role. Its control file can be read since
// 9.6 (pg_control_system).
func replication(s *server) *reading {
	newer := fill(replicationSQL,
		"%RECEIVED%", "coalesce((SELECT received_tli FROM pg_stat_wal_receiver), (SELECT timeline_id FROM pg_control_checkpoint()))",
		"%IDENTIFIER%", "(SELECT system_identifier FROM pg_control_system())")
	older := fill(replicationSQL, "%RECEIVED%", "NULL", "%IDENTIFIER%", "NULL::text")
	return &reading{
		name: "replication", server: s,
		declared: []*frame.Family{replicationLag, replicationIsReplica, replicationLastReplay, systemInfo, systemTimeline, primaryStart},
		variants: []variant{{v10, newer}, {v9_6, before10(newer)}, {v9_4, before10(older)}},
		send:     sendReplication,
	}
}

func sendReplication(rows []row, s *frame.Sink) error {
	for _, r := range rows {
		r.sendTo(s, replicationIsReplica, "is_replica")
		r.sendTo(s, replicationLag, "lag")
		r.sendTo(s, replicationLastReplay, "last_replay")
		r.sendTo(s, systemTimeline, "timeline")
		identifier, role := r.text("system_identifier"), "primary"
		if r.is("is_replica") {
			role = "standby"
		}
		if identifier == "" {
			continue
		}
		s.Send(systemInfo, 1, identifier, role)
		if role == "primary" {
			r.sendTo(s, primaryStart, "started", identifier)
		}
	}
	return nil
}
