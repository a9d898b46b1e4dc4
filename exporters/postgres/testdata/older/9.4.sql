-- What 9.4 lacks of 9.5. Source: the release notes of 9.5.
ALTER FUNCTION pg_catalog.mxid_age(xid) RENAME TO gone_mxid_age;
ALTER VIEW pg_catalog.pg_replication_slots RENAME TO newest_pg_replication_slots;
CREATE VIEW pg_catalog.pg_replication_slots AS SELECT slot_name, plugin, slot_type, datoid, database, active, xmin, catalog_xmin, restart_lsn
	FROM newest_pg_replication_slots;
ALTER VIEW pg_catalog.pg_settings RENAME TO newer_pg_settings;
CREATE VIEW pg_catalog.pg_settings AS SELECT name, setting, unit, category, short_desc, extra_desc, context, vartype, source, min_val, max_val,
	enumvals, boot_val, reset_val, sourcefile, sourceline FROM newer_pg_settings;
