package postgres

import "tocsin/internal/frame"

var (
	basebackups = &frame.Family{
		Name: "tocsin_postgres_basebackups", Type: frame.Gauge,
		Help: "How many base backups are being taken; from 13 on.",
	}
	basebackupStreamed = &frame.Family{
		Name: "tocsin_postgres_basebackup_streamed_bytes", Type: frame.Gauge, Labels: []string{"client", "phase"},
		Help: "How much a base backup has sent, by who takes it (application_name) and what it is at.",
	}
	basebackupTotal = &frame.Family{
		Name: "tocsin_postgres_basebackup_total_bytes", Type: frame.Gauge, Labels: []string{"client", "phase"},
		Help: "How much it will send, as the server estimates it; not there where the client asked for no estimate.",
	}
	basebackupAge = &frame.Family{
		Name: "tocsin_postgres_basebackup_age_seconds", Type: frame.Gauge, Labels: []string{"client", "phase"},
		Help: "For how long it has been going on, by the server's clock.",
	}
)

// basebackup tells how far base backups are.
func basebackup(s *server) *reading {
	return &reading{
		name: "basebackup", server: s,
		declared: []*frame.Family{basebackups, basebackupStreamed, basebackupTotal, basebackupAge},
		variants: []variant{{v13, `SELECT coalesce(a.application_name, '') AS client, p.phase, count(*) AS count,
	sum(p.backup_streamed) AS streamed, sum(p.backup_total) AS total,
	max(extract(epoch FROM clock_timestamp() - a.backend_start)) AS age
FROM pg_stat_progress_basebackup p LEFT JOIN pg_stat_activity a USING (pid) GROUP BY 1, 2`}},
		send: func(rows []row, out *frame.Sink) error {
			running := 0.0
			for _, r := range rows {
				phase := r.text("phase")
				if phase == "" {
					return hidden("pg_stat_progress_basebackup")
				}
				n, _ := r.number("count")
				running += n
				r.sendTo(out, basebackupStreamed, "streamed", r.text("client"), phase)
				r.sendTo(out, basebackupTotal, "total", r.text("client"), phase)
				r.sendTo(out, basebackupAge, "age", r.text("client"), phase)
			}
			out.Send(basebackups, running)
			return nil
		},
	}
}
