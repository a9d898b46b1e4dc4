// Package addresses tells of addresses that move between hosts (failover IPs):
// whether this host holds one now, which hosts may, and whether a name of the
// DNS leads to it. Each host tells for itself; how many hold an address is for
// rules to count. That an address is up on an interface is all that is looked
// at: whether packets for it arrive is a probe's to say.
package addresses
