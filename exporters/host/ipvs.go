//go:build linux

package host

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"net"
	"path/filepath"
	"strconv"

	"tocsin/internal/frame"
)

// ipvsTotals are the five numbers of /proc/net/ip_vs_stats, in their order.
var ipvsTotals = []*frame.Family{
	ipvsCounter("connections_total", "Connections that the load balancer took."),
	ipvsCounter("incoming_packets_total", "Packets that came from clients."),
	ipvsCounter("outgoing_packets_total", "Packets that went back to clients."),
	ipvsCounter("incoming_bytes_total", "Bytes that came from clients."),
	ipvsCounter("outgoing_bytes_total", "Bytes that went back to clients."),
}

// ipvsNumbers are the last three columns of a server's line in /proc/net/ip_vs.
var ipvsNumbers = []*frame.Family{
	ipvsGauge("weight", "Share of the work that a server behind the load balancer gets."),
	ipvsGauge("connections_active", "Connections to a server behind the load balancer that are established."),
	ipvsGauge("connections_inactive", "Connections to a server behind the load balancer in other states."),
}

func ipvsCounter(name, help string) *frame.Family {
	return &frame.Family{Name: "node_ipvs_" + name, Type: frame.Counter, Help: help}
}

func ipvsGauge(name, help string) *frame.Family {
	return &frame.Family{
		Name: "node_ipvs_backend_" + name, Help: help,
		Labels: []string{"local_address", "local_port", "remote_address", "remote_port", "proto", "local_mark"},
	}
}

// ipvs is the collector ipvs, the kernel's load balancer. It reads the files
// itself: procfs panics on a line of one word, and takes the servers of a
// service over SCTP for those of the service before it. The formats are
// net/netfilter/ipvs/ip_vs_ctl.c's.
type ipvs struct{ roots *roots }

func newIPVS(r *roots) *ipvs { return &ipvs{roots: r} }

// Name implements frame.Collector.
func (c *ipvs) Name() string { return "ipvs" }

// Families implements frame.Collector.
func (c *ipvs) Families() []*frame.Family {
	return append(append([]*frame.Family{}, ipvsTotals...), ipvsNumbers...)
}

// Collect implements frame.Collector.
func (c *ipvs) Collect(_ context.Context, s *frame.Sink) error {
	totals := filepath.Join(c.roots.proc, "net/ip_vs_stats")
	err := present(c.roots.read(totals, func(content []byte) error { return ipvsStats(s, totals, content) }))
	if errors.Is(err, frame.ErrNoData) {
		return err
	}
	servers := filepath.Join(c.roots.proc, "net/ip_vs")
	return errors.Join(err, c.roots.read(servers, func(content []byte) error {
		var service ipvsService
		sent := map[ipvsServer]bool{}
		return eachLine(servers, content, 1, func(line []byte) bool { return service.line(s, line, sent) })
	}))
}

// ipvsStats sends the third line, after two of headings; rates follow.
func ipvsStats(s *frame.Sink, path string, content []byte) error {
	var line []byte
	for range 3 {
		line, content, _ = bytes.Cut(content, []byte("\n"))
	}
	var numbers [5]uint64
	rest := line
	for i := range numbers {
		var field []byte
		var ok bool
		field, rest = nextField(rest)
		if numbers[i], ok = hexadecimal(field); !ok {
			return malformed(path, line)
		}
	}
	for i, family := range ipvsTotals {
		s.Send(family, float64(numbers[i]))
	}
	return nil
}

// ipvsService is a service, by address or by the mark of a firewall. Its zero
// value stands for one whose line was not understood: its servers are unknown.
type ipvsService struct{ protocol, address, port, mark string }

// ipvsServer is one server of one service.
type ipvsServer struct {
	service       ipvsService
	address, port string
}

// line takes one line: a service, as
//
//	TCP  C0A80016:0CEA wlc
//	FWM  10001000 wlc
//
// or one of its servers, as
//
//	-> C0A85216:0CEA      Tunnel  100    248        2
func (v *ipvsService) line(s *frame.Sink, line []byte, sent map[ipvsServer]bool) bool {
	word, rest := nextField(line)
	what, rest := nextField(rest)
	switch {
	case string(word) == "Prot", string(what) == "RemoteAddress:Port":
		return true // headings
	case string(word) == "->":
		return v.server(s, what, rest, sent)
	case string(word) == "FWM":
		_, ok := hexadecimal(what)
		*v = ipvsService{protocol: "FWM", port: "0", mark: string(what)}
		if !ok {
			*v = ipvsService{}
		}
		return ok
	default:
		address, port, ok := ipvsAddress(what)
		*v = ipvsService{protocol: valid(string(word)), address: address, port: port}
		if !ok {
			*v = ipvsService{}
		}
		return ok
	}
}

func (v *ipvsService) server(s *frame.Sink, where, rest []byte, sent map[ipvsServer]bool) bool {
	address, port, ok := ipvsAddress(where)
	server := ipvsServer{service: *v, address: address, port: port}
	if !ok || v.protocol == "" || sent[server] {
		return false
	}
	_, rest = nextField(rest) // how packets are forwarded
	var numbers [3]uint64
	for i := range numbers {
		var field []byte
		field, rest = nextField(rest)
		if numbers[i], ok = number(field); !ok {
			return false
		}
	}
	sent[server] = true
	for i, family := range ipvsNumbers {
		s.Send(family, float64(numbers[i]), v.address, v.port, address, port, v.protocol, v.mark)
	}
	return true
}

// ipvsAddress reads C0A80016:0CEA, or [2001:0db8:...:0001]:0CEA in full.
func ipvsAddress(text []byte) (address, port string, ok bool) {
	colon := bytes.LastIndexByte(text, ':')
	if colon < 0 {
		return "", "", false
	}
	n, ok := hexadecimal(text[colon+1:])
	if !ok || n > 1<<16-1 {
		return "", "", false
	}
	var ip net.IP
	if text = text[:colon]; bytes.HasPrefix(text, []byte("[")) {
		ip = net.ParseIP(string(bytes.Trim(text, "[]")))
	} else if len(text) == 2*net.IPv4len {
		ip, _ = hex.DecodeString(string(text)) // nil if it is none
	}
	if ip == nil {
		return "", "", false
	}
	return ip.String(), strconv.FormatUint(n, 10), true
}
