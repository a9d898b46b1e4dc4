// Package storage tells what holds the data of this machine together, beyond
// what node_exporter does: which file systems lie on open crypt devices and
// which of /etc/crypttab are closed, how far software RAID is in step, which
// thin pools LVM has, when ZFS's snapshots changed, and what smartd found on
// the disks.
//
// It reads files, as anybody may, and asks no device. So it cannot tell how
// full a thin pool is (the device mapper answers root alone), how old ZFS's
// newest snapshot is (libzfs knows), or how a disk is that no smartd watches:
// those are not detected, and no number stands for them. The same holds for
// what the administrator closed to this process, as a crypttab of mode 0600.
package storage
