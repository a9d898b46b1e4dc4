// Package icmpprobe pings: it sends one ICMP echo request and waits for the
// reply, over the datagram sockets that Linux gives to ordinary users, or else
// over raw ones.
//
// Its metrics have blackbox_exporter's names and meanings.
package icmpprobe
