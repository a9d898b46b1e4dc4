// Package accounts counts who may log in to the machine, and who is: local
// accounts, members of the groups that may become root, keys that sshd would
// take. An account or a key more that nobody meant is how a break-in shows.
//
// It tells numbers, never names. What may not be read is counted as such.
// Accounts of a directory (LDAP, SSSD) are not in these files.
package accounts
