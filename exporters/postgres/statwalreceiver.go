package postgres

import "tocsin/internal/frame"

// statWALReceiver has the drop-in names of a standby's receiver, which
// postgres_exporter sends on demand. When the receiver ends, they do too: what
// is true then is in receiver.go.
var statWALReceiver = &query{
	name:     "stat_wal_receiver",
	onDemand: true,
	labels:   []string{"upstream_host", "slot_name", "status"},
	values: []value{
		receiverValue("receive_start_lsn", frame.Counter, "Where the receiver began, in bytes, modulo 2^52."),
		receiverValue("flushed_lsn", frame.Counter, "Up to where WAL is received and on disk, in bytes, modulo 2^52."),
		receiverValue("receive_start_tli", frame.Gauge, "The timeline on which the receiver began."),
		receiverValue("received_tli", frame.Gauge, "The timeline of what was received last."),
		receiverValue("last_msg_send_time", frame.Counter, "When the last message was sent, by the primary's clock, as Unix time."),
		receiverValue("last_msg_receipt_time", frame.Counter, "When the last message came, by the standby's clock, as Unix time."),
		receiverValue("latest_end_lsn", frame.Counter, "Up to where the primary's WAL went, as it last said, in bytes, modulo 2^52."),
		receiverValue("latest_end_time", frame.Counter, "When it said that, as Unix time."),
		receiverValue("upstream_node", frame.Gauge, "The primary's number in repmgr, from the slot's name."),
	},
	variants: []variant{
		{v13, fill(walReceiverSQL, "%FLUSHED%", "flushed_lsn")},
		{v10, fill(walReceiverSQL, "%FLUSHED%", "received_lsn")}, // as it was called
		{v9_6, before10(fill(walReceiverSQL, "%FLUSHED%", "received_lsn"))},
	},
}

func receiverValue(column string, t frame.Type, help string) value {
	return value{column: column, family: &frame.Family{
		Name: "pg_stat_wal_receiver_" + column, Type: t, Help: help, Labels: []string{"upstream_host", "slot_name", "status"},
	}}
}

// conninfo has its password taken out by the server.
const walReceiverSQL = `SELECT trim(both '''' FROM substring(conninfo FROM 'host=([^ ]*)')) AS upstream_host, slot_name, status,
	pg_wal_lsn_diff(receive_start_lsn, '0/0') % (2^52)::bigint AS receive_start_lsn,
	pg_wal_lsn_diff(%FLUSHED%, '0/0') % (2^52)::bigint AS flushed_lsn,
	receive_start_tli, received_tli,
	extract(epoch FROM last_msg_send_time) AS last_msg_send_time,
	extract(epoch FROM last_msg_receipt_time) AS last_msg_receipt_time,
	pg_wal_lsn_diff(latest_end_lsn, '0/0') % (2^52)::bigint AS latest_end_lsn,
	extract(epoch FROM latest_end_time) AS latest_end_time,
	substring(slot_name FROM 'repmgr_slot_([0-9]+)') AS upstream_node
FROM pg_stat_wal_receiver WHERE status IS NOT NULL`
