package postgres

import (
	"time"

	"tocsin/internal/frame"
)

var statReplicationLabels = []string{"application_name", "client_addr", "state", "slot_name", "pid"}

// The drop-in names: one series a connection, with its pid.
var (
	senderPosition = &frame.Family{
		Name: "pg_stat_replication_pg_current_wal_lsn_bytes", Type: frame.Gauge, Labels: statReplicationLabels,
		Help: "The server's WAL position, in bytes.",
	}
	senderDiff = &frame.Family{
		Name: "pg_stat_replication_pg_wal_lsn_diff", Type: frame.Gauge, Labels: statReplicationLabels,
		Help: "How many bytes of WAL the standby has not replayed yet.",
	}
	senderDiffBefore10 = &frame.Family{
		Name: "pg_stat_replication_pg_xlog_location_diff", Type: frame.Gauge, Labels: statReplicationLabels,
		Help: "The same, as it is called for servers before 10.",
	}
)

// The newest of a name come first: %NEWER% has what versions added.
const sendersSQL = `SELECT h.primary_here, h.synchronous, s.pid, s.application_name, s.client_addr::text AS client_addr,
	host(s.client_addr) AS address, s.state, s.sync_state,
	pg_wal_lsn_diff(h.here, '0/0') AS position,
	pg_wal_lsn_diff(h.here, s.sent_lsn) AS sent, pg_wal_lsn_diff(h.here, s.write_lsn) AS written,
	pg_wal_lsn_diff(h.here, s.flush_lsn) AS flushed, pg_wal_lsn_diff(h.here, s.replay_lsn) AS replayed%NEWER%
FROM (SELECT NOT pg_is_in_recovery() AS primary_here, current_setting('synchronous_standby_names') <> '' AS synchronous,
	CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END AS here) h
LEFT JOIN pg_stat_replication s ON true%SLOTS%
ORDER BY s.backend_start DESC`

// statReplication tells of the standbys, as the server that sends to them
// sees them: under the drop-in names, and as the site knows them.
func statReplication(s *server, expected Standbys) *reading {
	const (
		slots = "\nLEFT JOIN pg_replication_slots k ON k.active_pid = s.pid"
		lags  = `, k.slot_name, extract(epoch FROM s.write_lag) AS written_lag,
	extract(epoch FROM s.flush_lag) AS flushed_lag, extract(epoch FROM s.replay_lag) AS replayed_lag`
	)
	r := newRoster(expected)
	return &reading{
		name: "stat_replication", server: s,
		declared: append([]*frame.Family{senderPosition, senderDiff, senderDiffBefore10}, standbyFamilies...),
		variants: []variant{
			{v12, fill(sendersSQL, "%NEWER%", lags+", extract(epoch FROM s.reply_time) AS reply", "%SLOTS%", slots)},
			{v10, fill(sendersSQL, "%NEWER%", lags, "%SLOTS%", slots)},
			{v9_5, before10(fill(sendersSQL, "%NEWER%", ", k.slot_name, true AS older", "%SLOTS%", slots))},
			{v9_4, before10(fill(sendersSQL, "%NEWER%", ", true AS older", "%SLOTS%", ""))}, // no active_pid yet
		},
		send: func(rows []row, out *frame.Sink) error { return sendSenders(rows, r, out) },
	}
}

func sendSenders(rows []row, r *roster, out *frame.Sink) error {
	if len(rows) == 0 {
		return nil // cannot be: the left side has one
	}
	var senders []row
	blind := false
	for _, sender := range rows {
		if _, ok := sender["pid"]; !ok {
			continue // nobody is there
		}
		if _, ok := sender["state"]; !ok {
			blind = true
			continue
		}
		senders = append(senders, sender)
		labels := []string{
			sender.text("application_name"), sender.text("client_addr"), sender.text("state"), sender.text("slot_name"), sender.text("pid"),
		}
		if sender.is("older") {
			sender.sendTo(out, senderDiffBefore10, "replayed", labels...)
			continue
		}
		sender.sendTo(out, senderPosition, "position", labels...)
		sender.sendTo(out, senderDiff, "replayed", labels...)
	}
	if blind {
		return hidden("pg_stat_replication")
	}
	r.send(senders, rows[0].is("primary_here"), rows[0].is("synchronous"), time.Now(), out)
	return nil
}
