package postgres

import (
	"time"

	"tocsin/internal/frame"
)

// The drop-in names of slots: two collectors' in postgres_exporter, which is
// why there are two sets of labels.
var (
	slotsActive = &frame.Family{
		Name: "pg_replication_slots_active", Type: frame.Gauge, Labels: []string{"slot_name", "database"},
		Help: "Whether somebody uses the slot.",
	}
	slotsDiff = &frame.Family{
		Name: "pg_replication_slots_pg_wal_lsn_diff", Type: frame.Gauge, Labels: []string{"slot_name", "database"},
		Help: "How many bytes of WAL lie between the slot's restart_lsn and now.",
	}
	slotsDiffBefore10 = &frame.Family{
		Name: "pg_replication_slots_pg_xlog_location_diff", Type: frame.Untyped, Labels: []string{"slot_name", "database"},
		Help: "The same, as it is called for servers before 10.",
	}
	slotsCurrent = &frame.Family{
		Name: "pg_replication_slots_slot_current_wal_lsn", Type: frame.Gauge, Labels: []string{"slot_name", "slot_type"},
		Help: "The server's WAL position, in bytes.",
	}
	slotsFlushed = &frame.Family{
		Name: "pg_replication_slots_slot_confirmed_flush_lsn", Type: frame.Gauge, Labels: []string{"slot_name", "slot_type"},
		Help: "Up to where the slot's user has confirmed to have it, in bytes; 0 for physical slots.",
	}
	slotsIsActive = &frame.Family{
		Name: "pg_replication_slots_slot_is_active", Type: frame.Gauge, Labels: []string{"slot_name", "slot_type"},
		Help: "Whether somebody uses the slot.",
	}
	slotsSafe = &frame.Family{
		Name: "pg_replication_slots_safe_wal_size_bytes", Type: frame.Gauge, Labels: []string{"slot_name", "slot_type"},
		Help: "How many bytes of WAL can be written before the slot may be lost; where max_slot_wal_keep_size is set.",
	}
	slotsStatus = &frame.Family{
		Name: "pg_replication_slots_wal_status", Type: frame.Gauge, Labels: []string{"slot_name", "slot_type", "wal_status"},
		Help: "1 for what the slot's WAL is: reserved, extended, unreserved or lost.",
	}
)

// Beside them, under one set of labels.
var (
	slotHeld = &frame.Family{
		Name: "tocsin_postgres_slot_held_bytes", Type: frame.Gauge, Labels: []string{"slot", "slot_type"},
		Help: "How many bytes of WAL the slot keeps the server from removing.",
	}
	slotInactiveSince = &frame.Family{
		Name: "tocsin_postgres_slot_inactive_since_timestamp_seconds", Type: frame.Gauge, Labels: []string{"slot", "slot_type"},
		Help: "Since when nobody has used the slot: as the server says it from 17 on, else since when Tocsin has seen it so. Not there while it is used.",
	}
	slotLost = &frame.Family{
		Name: "tocsin_postgres_slot_lost", Type: frame.Gauge, Labels: []string{"slot", "slot_type"},
		Help: "Whether WAL that the slot needs has been removed: its standby must be made anew. From PostgreSQL 13 on.",
	}
)

const slotsSQL = `SELECT k.slot_name, k.slot_type, k.database, k.active,
	pg_wal_lsn_diff(h.here, k.restart_lsn) AS held, pg_wal_lsn_diff(h.here, '0/0') AS here,
	pg_wal_lsn_diff(coalesce(k.confirmed_flush_lsn, '0/0'), '0/0') AS flushed%MORE%
FROM pg_replication_slots k
CROSS JOIN (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END AS here) h`

// replicationSlots tells of the slots, and remembers since when nobody uses
// one where the server does not say it.
func replicationSlots(s *server) *reading {
	unused := map[string]time.Time{}
	safe := ", k.safe_wal_size, k.wal_status"
	older := before10(fill(slotsSQL, "%MORE%", ", true AS older"))
	return &reading{
		name: "replication_slots", server: s,
		declared: []*frame.Family{
			slotsActive, slotsDiff, slotsDiffBefore10, slotsCurrent, slotsFlushed, slotsIsActive, slotsSafe, slotsStatus,
			slotHeld, slotInactiveSince, slotLost,
		},
		variants: []variant{
			{v17, fill(slotsSQL, "%MORE%", safe+", extract(epoch FROM k.inactive_since) AS inactive_since")},
			{v13, fill(slotsSQL, "%MORE%", safe)},
			{v10, fill(slotsSQL, "%MORE%", "")},
			{v9_6, older},
			{v9_4, fill(older, "coalesce(k.confirmed_flush_lsn, '0/0')", "'0/0'::pg_lsn")}, // the column is 9.6's
		},
		send: func(rows []row, out *frame.Sink) error {
			unused = unusedSince(rows, unused, time.Now())
			for _, r := range rows {
				sendSlot(r, unused, out)
			}
			return nil
		},
	}
}

// unusedSince is since when each slot that nobody uses has been seen so.
func unusedSince(rows []row, before map[string]time.Time, now time.Time) map[string]time.Time {
	after := map[string]time.Time{}
	for _, r := range rows {
		name := r.text("slot_name")
		since, known := before[name]
		switch {
		case r.is("active"):
		case known:
			after[name] = since
		default:
			after[name] = now
		}
	}
	return after
}

func sendSlot(r row, unused map[string]time.Time, s *frame.Sink) {
	name, kind, database := r.text("slot_name"), r.text("slot_type"), r.text("database")
	r.sendTo(s, slotsActive, "active", name, database)
	if r.is("older") {
		r.sendTo(s, slotsDiffBefore10, "held", name, database)
	} else {
		r.sendTo(s, slotsDiff, "held", name, database)
		r.sendTo(s, slotsCurrent, "here", name, kind)
		r.sendTo(s, slotsIsActive, "active", name, kind)
		if r.is("active") {
			r.sendTo(s, slotsFlushed, "flushed", name, kind)
		}
	}
	r.sendTo(s, slotsSafe, "safe_wal_size", name, kind)
	r.sendTo(s, slotHeld, "held", name, kind)
	if status := r.text("wal_status"); status != "" {
		s.Send(slotsStatus, 1, name, kind, status)
		lost := 0.0
		if status == "lost" {
			lost = 1
		}
		s.Send(slotLost, lost, name, kind)
	}
	if since, ok := unused[name]; ok {
		if told, ok := r.number("inactive_since"); ok {
			s.Send(slotInactiveSince, told, name, kind)
		} else {
			s.Send(slotInactiveSince, float64(since.UnixMilli())/1000, name, kind)
		}
	}
}
