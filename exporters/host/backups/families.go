package backups

import "tocsin/internal/frame"

// The labels of what is told of a place, and of a level of backups in it.
var (
	ofPlace = []string{"backup", "place"}
	ofLevel = []string{"backup", "place", "level"}
)

var (
	newestFamily = &frame.Family{
		Name: "tocsin_backup_newest_timestamp_seconds", Labels: ofLevel,
		Help: "When the newest backup was finished, in seconds since 1970; level is full or incremental where these are told apart, else any. Absent when there is none, or the place cannot be looked at.",
	}
	maxAgeFamily = &frame.Family{
		Name: "tocsin_backup_max_age_seconds", Labels: ofLevel,
		Help: "How old the newest backup may be, as the site file says.",
	}
	oldestFamily = &frame.Family{
		Name: "tocsin_backup_oldest_timestamp_seconds", Labels: ofPlace,
		Help: "When the oldest backup that is still there was finished, in seconds since 1970.",
	}
	deleteAfterFamily = &frame.Family{
		Name: "tocsin_backup_delete_after_seconds", Labels: ofPlace,
		Help: "After what time a backup is to be deleted, as the site file says.",
	}
	existingFamily = &frame.Family{
		Name: "tocsin_backup_existing", Labels: ofLevel,
		Help: "How many backups there are; absent where only the newest can be known.",
	}
	sizeFamily = &frame.Family{
		Name: "tocsin_backup_size_bytes", Labels: ofLevel,
		Help: "Size of the newest backup, in bytes.",
	}
	medianFamily = &frame.Family{
		Name: "tocsin_backup_median_size_bytes", Labels: ofLevel,
		Help: "The median of the sizes of the seven backups before the newest, in bytes; absent where there are fewer than three.",
	}
	totalFamily = &frame.Family{
		Name: "tocsin_backup_repository_size_bytes", Labels: ofPlace,
		Help: "Size of all data in a restic or borg repository, in bytes.",
	}
	validFamily = &frame.Family{
		Name: "tocsin_backup_valid", Labels: ofLevel,
		Help: "Whether there is a backup and nothing was found wrong with the newest: its time, its size, its first and last bytes. 1 is no proof that it can be restored. Absent while the only one is being written, or cannot be read.",
	}
	readableFamily = &frame.Family{
		Name: "tocsin_backup_readable", Labels: ofPlace,
		Help: "Whether the place, and the newest backup in it, could be looked at.",
	}
	failureFamily = &frame.Family{
		Name: "tocsin_backup_failure_info", Labels: []string{"backup", "place", "reason"},
		Help: "Why the place could not be looked at (missing, permission, stalled, too_many, form, error) or what is wrong with the newest backup (none, empty, small, truncated, foreign, future); always 1.",
	}
	lockFamily = &frame.Family{
		Name: "tocsin_backup_lock_timestamp_seconds", Labels: ofPlace,
		Help: "When the oldest lock of a restic or borg repository was taken, in seconds since 1970; absent when there is none.",
	}
	rungsFamily = &frame.Family{
		Name: "tocsin_backup_rungs", Labels: []string{"backup", "place", "rung", "state"},
		Help: "Backups that were promised, by rung (hourly, daily, weekly, monthly, yearly) and state: held, missing, or not_due because backups began later.",
	}
	copiesFamily = &frame.Family{
		Name: "tocsin_backup_copies", Labels: []string{"backup"},
		Help: "In how many places the backup lies with a newest one that is valid and no older than it may be.",
	}
	offSiteFamily = &frame.Family{
		Name: "tocsin_backup_copies_off_site", Labels: []string{"backup"},
		Help: "How many of these places are away from the site.",
	}
	restoreFamily = &frame.Family{
		Name: "tocsin_backup_restore_tested_timestamp_seconds", Labels: []string{"backup"},
		Help: "When a restore was last tested, in seconds since 1970; absent when never.",
	}
	restoreMaxAgeFamily = &frame.Family{
		Name: "tocsin_backup_restore_max_age_seconds", Labels: []string{"backup"},
		Help: "How long ago the last tested restore may be, as the site file says.",
	}
	uncoveredFamily = &frame.Family{
		Name: "tocsin_backup_uncovered", Labels: []string{"what"},
		Help: "Whether no backup covers it: a server, host or brick of the site file, or what a backup says that it covers.",
	}
)

// Families lists all that the collector may send.
func Families() []*frame.Family {
	return []*frame.Family{
		newestFamily, maxAgeFamily, oldestFamily, deleteAfterFamily, existingFamily, sizeFamily, medianFamily, totalFamily,
		validFamily, readableFamily, failureFamily, lockFamily, rungsFamily, copiesFamily, offSiteFamily, restoreFamily,
		restoreMaxAgeFamily, uncoveredFamily,
	}
}
