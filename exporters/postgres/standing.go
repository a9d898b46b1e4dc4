package postgres

import (
	"time"

	"tocsin/internal/frame"
)

// slowly is how often is asked what changes slowly.
const slowly = time.Minute

// standing lists what tells how a server stands among others, and towards its
// clients: replication, archive, sessions.
func standing(s *server, cfg Config) []frame.Entry {
	return []frame.Entry{
		{Collector: replication(s)},
		{Collector: replicationSlots(s)},
		{Collector: statReplication(s, cfg.Standbys)},
		{Collector: receiver(s)},
		{Collector: collector{conflicts, s}},
		{Collector: statArchiver(s)},
		{Collector: archiveQueue(s)},
		{Collector: basebackup(s)},
		{Collector: collector{wal, s}},
		{Collector: collector{walWritten, s}},
		{Collector: sessions(s)},
		{Collector: collector{upkeep, s}, Every: slowly},
	}
}
