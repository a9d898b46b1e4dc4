package postgres

// bgwriter is what the background writer did (view pg_stat_bgwriter). Version 17
// tells of checkpoints elsewhere, where the numbers are taken from, and no longer
// of what sessions wrote themselves.
var bgwriter = &query{
	name: "stat_bgwriter",
	values: []value{
		counter("checkpoints_timed", "pg_stat_bgwriter_checkpoints_timed_total", "Checkpoints that were due by the clock."),
		counter("checkpoints_req", "pg_stat_bgwriter_checkpoints_req_total", "Checkpoints that were asked for."),
		counter("checkpoint_write_time", "pg_stat_bgwriter_checkpoint_write_time_total", "How long checkpoints wrote files, in milliseconds."),
		counter("checkpoint_sync_time", "pg_stat_bgwriter_checkpoint_sync_time_total", "How long checkpoints synchronized files, in milliseconds."),
		counter("buffers_checkpoint", "pg_stat_bgwriter_buffers_checkpoint_total", "Buffers that checkpoints wrote."),
		counter("buffers_clean", "pg_stat_bgwriter_buffers_clean_total", "Buffers that the background writer wrote."),
		counter("maxwritten_clean", "pg_stat_bgwriter_maxwritten_clean_total", "How often it stopped because it had written too many."),
		counter("buffers_backend", "pg_stat_bgwriter_buffers_backend_total", "Buffers that sessions wrote themselves."),
		counter("buffers_backend_fsync", "pg_stat_bgwriter_buffers_backend_fsync_total", "How often sessions synchronized a file themselves."),
		counter("buffers_alloc", "pg_stat_bgwriter_buffers_alloc_total", "Buffers allocated."),
		zero(counter("reset", "pg_stat_bgwriter_stats_reset_total", "When these numbers were last reset.")),
	},
	variants: []variant{
		{v17, `SELECT buffers_clean, maxwritten_clean, buffers_alloc, floor(extract(epoch FROM stats_reset)) AS reset FROM pg_stat_bgwriter`},
		{v9_4, `SELECT checkpoints_timed, checkpoints_req, checkpoint_write_time, checkpoint_sync_time, buffers_checkpoint, buffers_clean,
	maxwritten_clean, buffers_backend, buffers_backend_fsync, buffers_alloc, floor(extract(epoch FROM stats_reset)) AS reset FROM pg_stat_bgwriter`},
	},
}

// checkpointer is what checkpoints did (view pg_stat_checkpointer, from version 17 on).
var checkpointer = &query{
	name: "stat_checkpointer", onDemand: true,
	values: []value{
		counter("num_timed", "pg_stat_checkpointer_num_timed_total", "Checkpoints that were due by the clock."),
		counter("num_requested", "pg_stat_checkpointer_num_requested_total", "Checkpoints that were asked for."),
		counter("restartpoints_timed", "pg_stat_checkpointer_restartpoints_timed_total", "Restartpoints that were due by the clock."),
		counter("restartpoints_req", "pg_stat_checkpointer_restartpoints_req_total", "Restartpoints that were asked for."),
		counter("restartpoints_done", "pg_stat_checkpointer_restartpoints_done_total", "Restartpoints that were made."),
		counter("write_time", "pg_stat_checkpointer_write_time_total", "How long they wrote files, in milliseconds."),
		counter("sync_time", "pg_stat_checkpointer_sync_time_total", "How long they synchronized files, in milliseconds."),
		counter("buffers_written", "pg_stat_checkpointer_buffers_written_total", "Buffers that they wrote."),
		zero(counter("reset", "pg_stat_checkpointer_stats_reset_total", "When these numbers were last reset.")),
	},
	variants: []variant{{v17, `SELECT num_timed, num_requested, restartpoints_timed, restartpoints_req, restartpoints_done, write_time, sync_time,
	buffers_written, floor(extract(epoch FROM stats_reset)) AS reset FROM pg_stat_checkpointer`}},
}
