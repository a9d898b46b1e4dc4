-- What PostgreSQL 9.6 calls otherwise than 15, or does not have, as far as it is
-- asked for. Source: the release notes of 10 to 15 and the manual of 9.6, 50
-- (system catalogues), 9.26 (system administration functions), 28.2 (statistics).
ALTER FUNCTION pg_catalog.pg_current_wal_lsn() RENAME TO pg_current_xlog_location;
ALTER FUNCTION pg_catalog.pg_wal_lsn_diff(pg_lsn, pg_lsn) RENAME TO pg_xlog_location_diff;
ALTER FUNCTION pg_catalog.pg_last_wal_receive_lsn() RENAME TO pg_last_xlog_receive_location;
ALTER FUNCTION pg_catalog.pg_last_wal_replay_lsn() RENAME TO pg_last_xlog_replay_location;
ALTER FUNCTION pg_catalog.pg_is_wal_replay_paused() RENAME TO pg_is_xlog_replay_paused;
ALTER FUNCTION pg_catalog.pg_walfile_name(pg_lsn) RENAME TO pg_xlogfile_name;
ALTER FUNCTION pg_catalog.pg_ls_waldir() RENAME TO gone_pg_ls_waldir;
ALTER FUNCTION pg_catalog.pg_ls_archive_statusdir() RENAME TO gone_pg_ls_archive_statusdir;
ALTER FUNCTION pg_catalog.pg_get_wal_replay_pause_state() RENAME TO gone_pg_get_wal_replay_pause_state;
ALTER VIEW pg_catalog.pg_stat_wal RENAME TO gone_pg_stat_wal;
ALTER VIEW pg_catalog.pg_stat_progress_basebackup RENAME TO gone_pg_stat_progress_basebackup;
ALTER VIEW pg_catalog.pg_stat_replication_slots RENAME TO gone_pg_stat_replication_slots;

ALTER VIEW pg_catalog.pg_stat_activity RENAME TO new_pg_stat_activity;
CREATE VIEW pg_catalog.pg_stat_activity AS SELECT datid, datname, pid, usesysid, usename, application_name, client_addr, client_hostname,
	client_port, backend_start, xact_start, query_start, state_change, wait_event_type, wait_event, state, backend_xid, backend_xmin, query
	FROM new_pg_stat_activity WHERE backend_type IN ('client backend', 'walsender', 'autovacuum worker');
ALTER VIEW pg_catalog.pg_stat_replication RENAME TO new_pg_stat_replication;
CREATE VIEW pg_catalog.pg_stat_replication AS SELECT pid, usesysid, usename, application_name, client_addr, client_hostname, client_port,
	backend_start, backend_xmin, state, sent_lsn AS sent_location, write_lsn AS write_location, flush_lsn AS flush_location,
	replay_lsn AS replay_location, sync_priority, sync_state FROM new_pg_stat_replication;
ALTER VIEW pg_catalog.pg_stat_wal_receiver RENAME TO new_pg_stat_wal_receiver;
CREATE VIEW pg_catalog.pg_stat_wal_receiver AS SELECT pid, status, receive_start_lsn, receive_start_tli, flushed_lsn AS received_lsn, received_tli,
	last_msg_send_time, last_msg_receipt_time, latest_end_lsn, latest_end_time, slot_name, conninfo FROM new_pg_stat_wal_receiver;
ALTER VIEW pg_catalog.pg_replication_slots RENAME TO new_pg_replication_slots;
CREATE VIEW pg_catalog.pg_replication_slots AS SELECT slot_name, plugin, slot_type, datoid, database, active, active_pid, xmin, catalog_xmin,
	restart_lsn, confirmed_flush_lsn FROM new_pg_replication_slots;
ALTER VIEW pg_catalog.pg_stat_database RENAME TO new_pg_stat_database;
CREATE VIEW pg_catalog.pg_stat_database AS SELECT datid, datname, numbackends, xact_commit, xact_rollback, blks_read, blks_hit, tup_returned,
	tup_fetched, tup_inserted, tup_updated, tup_deleted, conflicts, temp_files, temp_bytes, deadlocks, blk_read_time, blk_write_time, stats_reset
	FROM new_pg_stat_database WHERE datid <> 0;
