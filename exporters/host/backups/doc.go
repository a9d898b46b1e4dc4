// Package backups looks at the backups that the site file names, where they
// lie: how old the newest is, whether it is whole, which of those that were
// promised are missing, how many copies there are and where, when a restore
// was last tested, and what no backup covers.
//
// One file is one kind of place: files, restic, borg, zfs, stamp. Nothing is
// run and no password is asked for: a repository is judged by its own files,
// and each kind says what they cannot tell. It is not for making backups, nor
// a proof that one can be restored: only a tested restore is.
package backups
