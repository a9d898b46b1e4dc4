//go:build linux

package host

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Bounds of what a program tells of its interface.
const (
	maxPrograms      = 100
	maxProgramAnswer = 8 << 20  // bytes
	maxProgramLine   = 64 << 10 // bytes
)

var errProgram = errors.New("the answer is not understood")

// askPrograms adds the peers of interfaces that are programs, each of which
// has a socket.
func (c *wireguard) askPrograms(ctx context.Context, peers map[string][]wireguardPeer) error {
	entries, err := os.ReadDir(c.sockets)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var errs []error
	asked := 0
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".sock")
		if !ok || e.Type() != fs.ModeSocket {
			continue
		}
		if asked++; asked > maxPrograms {
			errs = append(errs, fmt.Errorf("%s: more than %d sockets; the others are not asked", c.sockets, maxPrograms))
			break
		}
		found, err := programPeers(ctx, filepath.Join(c.sockets, e.Name()))
		switch {
		case errors.Is(err, unix.ECONNREFUSED): // its program has ended
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		default:
			peers[valid(name)] = found
		}
	}
	return errors.Join(errs...)
}

// programPeers asks one program, in the cross-platform protocol
// (wireguard.com/xplatform).
func programPeers(ctx context.Context, socket string) ([]wireguardPeer, error) {
	ctx, cancel := context.WithTimeout(ctx, netlinkPatience)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // what waits returns
	defer stop()
	if _, err := io.WriteString(conn, "get=1\n\n"); err != nil {
		return nil, err
	}
	return parseProgram(io.LimitReader(conn, maxProgramAnswer))
}

// parseProgram reads lines of the form key=value up to an empty one. The
// private key and those that are shared, which are among them, are passed over.
func parseProgram(r io.Reader) ([]wireguardPeer, error) {
	peers := []wireguardPeer{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxProgramLine)
	code := ""
	for lines.Scan() && len(lines.Bytes()) > 0 {
		key, value, ok := strings.Cut(lines.Text(), "=")
		if !ok {
			return nil, errProgram
		}
		if key == "errno" {
			code = value
			continue
		}
		if key == "public_key" {
			raw, err := hex.DecodeString(value)
			if err != nil || len(raw) != wireguardKey {
				return nil, errProgram
			}
			peers = append(peers, wireguardPeer{key: [wireguardKey]byte(raw)})
			continue
		}
		if len(peers) > 0 {
			if err := peers[len(peers)-1].take(key, value); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case lines.Err() != nil:
		return nil, lines.Err()
	case code == "":
		return nil, fmt.Errorf("%w: it is cut off", errProgram)
	case code != "0":
		return nil, fmt.Errorf("it answered with error %.20q", code)
	}
	return peers, nil
}

// take takes one line about a peer.
func (p *wireguardPeer) take(key, value string) error {
	switch key {
	case "last_handshake_time_sec", "last_handshake_time_nsec", "rx_bytes", "tx_bytes":
	default:
		return nil
	}
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: %s is no number", errProgram, key)
	}
	switch key {
	case "last_handshake_time_sec":
		p.handshake += float64(n)
	case "last_handshake_time_nsec":
		p.handshake += float64(n) / 1e9
	case "rx_bytes":
		p.received = n
	case "tx_bytes":
		p.sent = n
	}
	return nil
}
