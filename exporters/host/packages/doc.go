// Package packages tells how the packages of a Debian or Ubuntu machine stand:
// which upgrades apt would install and from where, how old its lists are,
// whether a reboot is due, and which services still run a library that has
// been replaced.
//
// It reads the files of dpkg, apt and the kernel and runs neither: what apt
// would choose is worked out as apt does it (apt_preferences(5); apt-pkg/policy.cc).
// Like Debian's textfile script apt_info.py, whose metrics these are, it
// counts packages for which a newer version is chosen, one by one. Whether all
// of them can be installed together is for apt's solver, so `apt-get upgrade`
// may keep some of them back.
//
// Not told: apt_autoremove_pending, which takes the solver, and whether an
// update that Ubuntu gives to a part of all machines is meant for this one:
// such updates are counted apart. Not seen: a list whose source was taken out
// of sources.list counts until the next `apt update` deletes it, and folders
// that apt.conf moved elsewhere.
package packages
