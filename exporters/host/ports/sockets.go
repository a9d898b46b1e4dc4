package ports

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// A socket is one that waits for others, by what can be seen from outside.
type socket struct {
	protocol string
	address  netip.Addr
	port     uint16
}

// Bounds of one file of /proc/net.
const (
	maxLines = 200_000
	maxLine  = 4 << 10
	// pastListeners is after how many TCP sockets that do not listen the file is
	// left: the kernel lists those that do first (net/ipv4/tcp_ipv4.c,
	// tcp_seq_start), and a busy server has 100,000 others.
	pastListeners = 100
)

// What the fourth field says of a socket (include/net/tcp_states.h). A UDP
// socket that is not bound to one peer has the latter.
const (
	stateListen = "0A"
	stateClose  = "07"
)

// readSockets hands those that wait for others in one file of /proc/net to
// use. It returns an error for the first line that is not understood, or
// where the file is too long; the others are handed on.
func readSockets(path, protocol string, use func(socket)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return scan(f, path, protocol, use)
}

func scan(r io.Reader, path, protocol string, use func(socket)) error {
	state := stateListen
	if protocol == "udp" {
		state = stateClose
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	var malformed error
	others := 0
	lines.Scan() // the headings
	for n := 2; lines.Scan(); n++ {
		if n > maxLines {
			return fmt.Errorf("%s: more than %d lines; the rest is not read", path, maxLines)
		}
		s, is, ok := parseLine(lines.Text())
		switch {
		case !ok:
			if malformed == nil {
				malformed = fmt.Errorf("%s: line %d is malformed", path, n)
			}
		case is == state && s.port != 0:
			s.protocol = protocol
			use(s)
		default:
			if others++; protocol == "tcp" && others > pastListeners {
				return malformed
			}
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return malformed
}

// parseLine reads a line as "0: 0100007F:1F90 00000000:0000 0A ...": number,
// local address, remote address, state.
func parseLine(line string) (s socket, state string, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 4 || len(fields[3]) != 2 {
		return s, "", false
	}
	address, port, _ := strings.Cut(fields[1], ":")
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return s, "", false
	}
	s.port = uint16(n)
	s.address, ok = parseAddress(address)
	return s, fields[3], ok
}

// parseAddress reads an address: words of 32 bits, each as the machine has
// them (net/ipv6/tcp_ipv6.c, get_tcp6_sock).
func parseAddress(hex string) (netip.Addr, bool) {
	if len(hex) != 8 && len(hex) != 32 {
		return netip.Addr{}, false
	}
	var b []byte
	for ; hex != ""; hex = hex[8:] {
		word, err := strconv.ParseUint(hex[:8], 16, 32)
		if err != nil {
			return netip.Addr{}, false
		}
		b = binary.NativeEndian.AppendUint32(b, uint32(word))
	}
	a, ok := netip.AddrFromSlice(b)
	return a.Unmap(), ok
}

// clientPorts is the kernel's range of ports for clients; its own default
// where it cannot be read.
func clientPorts(path string) (first, last uint16) {
	first, last = 32768, 60999
	b, err := os.ReadFile(path)
	fields := strings.Fields(string(b))
	if err != nil || len(fields) != 2 {
		return first, last
	}
	one, err1 := strconv.ParseUint(fields[0], 10, 16)
	two, err2 := strconv.ParseUint(fields[1], 10, 16)
	if err1 != nil || err2 != nil {
		return first, last
	}
	return uint16(one), uint16(two)
}
