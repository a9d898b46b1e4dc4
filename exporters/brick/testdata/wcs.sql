-- The tables and columns of a tenant of w.c.s. that its kind reads, a personal
-- one that it must not, and the role that reads them.
CREATE TABLE wcs_meta (key text UNIQUE, value text, created_at timestamptz, updated_at timestamptz);
CREATE TABLE wcs_all_forms (formdef_id int, id int, status text, receipt_time timestamptz, last_update_time timestamptz,
	submission_channel text, backoffice_submission boolean, is_at_endpoint boolean, formdef_name text, anonymised timestamptz,
	user_label text, PRIMARY KEY (formdef_id, id));
CREATE TABLE loggederrors (id serial, kind text, occurences_count int, latest_occurence_timestamp timestamptz, deleted_timestamp timestamptz);
CREATE TABLE afterjobs (id text, class_name text, status text, creation_time timestamptz);
GRANT SELECT ON ALL TABLES IN SCHEMA public TO tocsin;
