// Package ports tells which ports of the machine are open, and which of them
// the site file does not name: a service that nobody meant to show, or
// somebody's back door.
//
// It sees the sockets of its own network namespace, as ss -lntu does; those of
// a container with a network of its own are not among them, nor is a port that
// the firewall passes on to one. Whether a firewall stands before a port is
// not known here. Sockets that only the machine itself reaches (loopback) are
// counted and no more. A UDP socket in the kernel's range for clients
// (net.ipv4.ip_local_port_range) cannot be told from a client's, and is left
// out.
package ports
