package postgres

import (
	"math"

	"tocsin/internal/frame"
)

var (
	receiverRunning = &frame.Family{
		Name: "tocsin_postgres_wal_receiver_running", Type: frame.Gauge,
		Help: "Whether a standby's WAL receiver is connected to its primary. Not there on a standby that has no primary_conninfo.",
	}
	receiverInfo = &frame.Family{
		Name: "tocsin_postgres_wal_receiver_info", Type: frame.Gauge, Labels: []string{"status"},
		Help: "1 for what the receiver does: starting, streaming, waiting, restarting or stopping.",
	}
	receiverSilence = &frame.Family{
		Name: "tocsin_postgres_wal_receiver_silence_seconds", Type: frame.Gauge,
		Help: "For how long nothing has come from the primary, by the standby's clock; also after the receiver has ended. At least: Tocsin may have come later.",
	}
	receiverPatience = &frame.Family{
		Name: "tocsin_postgres_wal_receiver_patience_seconds", Type: frame.Gauge,
		Help: "How long nothing may come while all is well: a receiver asks after half of wal_receiver_timeout; +Inf where that is 0, and 0 without a receiver.",
	}
	replayBehind = &frame.Family{
		Name: "tocsin_postgres_replay_behind_bytes", Type: frame.Gauge,
		Help: "How many bytes of what the standby has received it has not replayed. What never came is not in it.",
	}
	replayDelay = &frame.Family{
		Name: "tocsin_postgres_replay_delay_seconds", Type: frame.Gauge,
		Help: "How old the last replayed transaction is by the primary's clock, 0 when all is replayed. Only while a receiver is connected: else nobody knows.",
	}
	replayMinDelay = &frame.Family{
		Name: "tocsin_postgres_replay_min_delay_seconds", Type: frame.Gauge,
		Help: "How late the standby is meant to be: recovery_min_apply_delay; from 12 on.",
	}
	replayPaused = &frame.Family{
		Name: "tocsin_postgres_replay_paused", Type: frame.Gauge,
		Help: "Whether replay is paused, by pg_wal_replay_pause or by a setting that the primary raised.",
	}
)

// A receiver begins at the start of a file, before what is replayed already.
// The clock of the primary is where the last message was sent, and as much
// later as it is now since it came.
const receiverSQL = `SELECT w.pid IS NOT NULL AS running, w.status,
	extract(epoch FROM clock_timestamp()) AS now,
	extract(epoch FROM w.last_msg_receipt_time) AS received,
	%TIMEOUT% AS timeout,
	greatest(0, pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())) AS behind,
	extract(epoch FROM w.last_msg_send_time + (clock_timestamp() - w.last_msg_receipt_time) - pg_last_xact_replay_timestamp()) AS delay,
	pg_is_wal_replay_paused() AS paused%MORE%
FROM (SELECT 1 WHERE pg_is_in_recovery()) standby
LEFT JOIN pg_stat_wal_receiver w ON true`

// receiver tells what a standby gets from its primary. It remembers when
// something last came: the server forgets it with the receiver.
func receiver(s *server) *reading {
	const (
		timeout = "extract(epoch FROM current_setting('wal_receiver_timeout')::interval)"
		// Who may not read the setting is taken to have a primary.
		settings = `,
	CASE WHEN pg_has_role('pg_read_all_settings', 'USAGE') THEN current_setting('primary_conninfo') = '' END AS alone,
	extract(epoch FROM current_setting('recovery_min_apply_delay')::interval) AS min_delay`
	)
	heard := &hearing{}
	older := fill(receiverSQL, "%TIMEOUT%", timeout, "%MORE%", "")
	return &reading{
		name: "wal_receiver", server: s,
		declared: []*frame.Family{
			receiverRunning, receiverInfo, receiverSilence, receiverPatience, replayBehind, replayDelay, replayMinDelay, replayPaused,
		},
		variants: []variant{
			{v12, fill(receiverSQL, "%TIMEOUT%", timeout, "%MORE%", settings)},
			{v10, older},
			{v9_6, before10(older)},
		},
		send: heard.send,
	}
}

// hearing is when a standby last heard of its primary, by its own clock, as
// Unix time. It is used by one collector, which is never run twice at a time.
type hearing struct {
	last float64 // 0: never
}

func (h *hearing) send(rows []row, out *frame.Sink) error {
	if len(rows) == 0 { // a primary
		h.last = 0
		return frame.ErrNoData
	}
	r := rows[0]
	running := r.is("running")
	if running && r.text("status") == "" {
		return hidden("pg_stat_wal_receiver")
	}
	out.Send(replayPaused, truth(r.is("paused")))
	r.sendTo(out, replayBehind, "behind")
	r.sendTo(out, replayMinDelay, "min_delay")
	if !running && r.is("alone") {
		return nil // it lives on an archive
	}
	out.Send(receiverRunning, truth(running))
	now, _ := r.number("now")
	patience := 0.0
	if running {
		h.last, _ = r.number("received")
		out.Send(receiverInfo, 1, r.text("status"))
		h.delay(r, out)
		// The question goes out after a half; the answer may be under way.
		timeout, _ := r.number("timeout")
		if patience = 0.75 * timeout; timeout == 0 {
			patience = math.Inf(1)
		}
	}
	if h.last == 0 {
		h.last = now
	}
	out.Send(receiverPatience, patience)
	out.Send(receiverSilence, max(0, now-h.last))
	return nil
}

// delay is 0 when all that came is replayed: the last transaction may be old
// because nobody has written since.
func (*hearing) delay(r row, out *frame.Sink) {
	if behind, ok := r.number("behind"); ok && behind <= 0 {
		out.Send(replayDelay, 0)
		return
	}
	if delay, ok := r.number("delay"); ok {
		out.Send(replayDelay, max(0, delay))
	}
}
