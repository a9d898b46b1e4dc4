package postgres

import "tocsin/internal/frame"

// The drop-in names.
var (
	archivedCount = &frame.Family{
		Name: "pg_stat_archiver_archived_count", Type: frame.Counter,
		Help: "How many WAL files were archived.",
	}
	archiveFailedCount = &frame.Family{
		Name: "pg_stat_archiver_failed_count", Type: frame.Counter,
		Help: "How often archiving a WAL file has failed.",
	}
	lastArchiveAge = &frame.Family{
		Name: "pg_stat_archiver_last_archive_age", Type: frame.Gauge,
		Help: "How many seconds ago a WAL file was last archived; on an idle server it grows though nothing waits.",
	}
)

var (
	archiverFailing = &frame.Family{
		Name: "tocsin_postgres_archiver_failing", Type: frame.Gauge,
		Help: "Whether the last attempt to archive a WAL file failed. Not there where archive_mode is off.",
	}
	lastArchived = &frame.Family{
		Name: "tocsin_postgres_archiver_last_archived_timestamp_seconds", Type: frame.Gauge,
		Help: "When a WAL file was last archived.",
	}
	lastArchiveFailed = &frame.Family{
		Name: "tocsin_postgres_archiver_last_failed_timestamp_seconds", Type: frame.Gauge,
		Help: "When archiving last failed.",
	}
	archiveWaiting = &frame.Family{
		Name: "tocsin_postgres_archiver_waiting_files", Type: frame.Gauge,
		Help: "How many WAL files wait to be archived; from 12 on.",
	}
	archiveWaitingAge = &frame.Family{
		Name: "tocsin_postgres_archiver_waiting_age_seconds", Type: frame.Gauge,
		Help: "For how long the oldest of the WAL files that wait to be archived has waited, by the server's clock, 0 when none waits; from 12 on.",
	}
)

// statArchiver tells of the archiver's successes and failures.
func statArchiver(s *server) *reading {
	return &reading{
		name: "stat_archiver", server: s,
		declared: []*frame.Family{archivedCount, archiveFailedCount, lastArchiveAge, archiverFailing, lastArchived, lastArchiveFailed},
		variants: []variant{{v9_4, `SELECT archived_count, failed_count, extract(epoch FROM now() - last_archived_time) AS age,
	extract(epoch FROM last_archived_time) AS archived, extract(epoch FROM last_failed_time) AS failed,
	coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) AS failing,
	current_setting('archive_mode') <> 'off' AS on
FROM pg_stat_archiver`}},
		send: func(rows []row, out *frame.Sink) error {
			for _, r := range rows {
				r.sendTo(out, archivedCount, "archived_count")
				r.sendTo(out, archiveFailedCount, "failed_count")
				r.sendTo(out, lastArchiveAge, "age")
				if r.is("on") {
					r.sendTo(out, archiverFailing, "failing")
					r.sendTo(out, lastArchived, "archived")
					r.sendTo(out, lastArchiveFailed, "failed")
				}
			}
			return nil
		},
	}
}

// archiveQueue looks at what waits: an archive_command that is empty or hangs
// counts as no failure.
func archiveQueue(s *server) *reading {
	return &reading{
		name: "archive_queue", server: s,
		declared: []*frame.Family{archiveWaiting, archiveWaitingAge},
		variants: []variant{{v12, `SELECT current_setting('archive_mode') <> 'off' AS on, count(*) AS waiting,
	coalesce(extract(epoch FROM clock_timestamp() - min(modification)), 0) AS age
FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'`}},
		send: func(rows []row, out *frame.Sink) error {
			for _, r := range rows {
				if !r.is("on") {
					return frame.ErrNoData
				}
				r.sendTo(out, archiveWaiting, "waiting")
				r.sendTo(out, archiveWaitingAge, "age")
			}
			return nil
		},
	}
}
