-- What 9.5 lacks of 9.6. Source: the release notes of 9.6.
ALTER FUNCTION pg_catalog.pg_blocking_pids(int) RENAME TO gone_pg_blocking_pids;
ALTER FUNCTION pg_catalog.pg_control_system() RENAME TO gone_pg_control_system;
ALTER FUNCTION pg_catalog.pg_control_checkpoint() RENAME TO gone_pg_control_checkpoint;
ALTER VIEW pg_catalog.pg_stat_wal_receiver RENAME TO gone_pg_stat_wal_receiver;
ALTER VIEW pg_catalog.pg_stat_progress_vacuum RENAME TO gone_pg_stat_progress_vacuum;
ALTER VIEW pg_catalog.pg_stat_activity RENAME TO newer_pg_stat_activity;
CREATE VIEW pg_catalog.pg_stat_activity AS SELECT datid, datname, pid, usesysid, usename, application_name, client_addr, client_hostname,
	client_port, backend_start, xact_start, query_start, state_change, wait_event_type = 'Lock' AS waiting, state, backend_xid, backend_xmin, query
	FROM newer_pg_stat_activity;
ALTER VIEW pg_catalog.pg_replication_slots RENAME TO newer_pg_replication_slots;
CREATE VIEW pg_catalog.pg_replication_slots AS SELECT slot_name, plugin, slot_type, datoid, database, active, active_pid, xmin, catalog_xmin,
	restart_lsn FROM newer_pg_replication_slots;
