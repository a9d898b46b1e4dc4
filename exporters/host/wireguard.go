//go:build linux

package host

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"tocsin/internal/frame"
)

// The names of prometheus_wireguard_exporter (wireguard_*) are not used: they
// carry whole keys and all addresses as labels.
var (
	wireguardPeers = &frame.Family{
		Name: "tocsin_host_wireguard_peers", Labels: []string{"interface"},
		Help: "Peers that the WireGuard interface is set up for.",
	}
	wireguardHandshake = &frame.Family{
		Name: "tocsin_host_wireguard_peer_last_handshake_timestamp_seconds", Labels: []string{"interface", "peer"},
		Help: "When the peer last shook hands, in seconds since 1970; absent if never since the interface is there. The peer is its name in the site file, or the beginning of its public key.",
	}
	wireguardReceived = &frame.Family{
		Name: "tocsin_host_wireguard_peer_received_bytes_total", Type: frame.Counter, Labels: []string{"interface", "peer"},
		Help: "Bytes received from the peer.",
	}
	wireguardSent = &frame.Family{
		Name: "tocsin_host_wireguard_peer_sent_bytes_total", Type: frame.Counter, Labels: []string{"interface", "peer"},
		Help: "Bytes sent to the peer.",
	}
	wireguardExpected = &frame.Family{
		Name: "tocsin_host_wireguard_expected_peer_last_handshake_timestamp_seconds", Labels: []string{"peer"},
		Help: "When a peer that the site file expects last shook hands, in seconds since 1970; 0 if never, or if no interface has it.",
	}
)

// maxPeers bounds how many peers are told one by one.
const maxPeers = 500

// A wireguardPeer is what is known of one peer of one interface.
type wireguardPeer struct {
	key            [wireguardKey]byte
	handshake      float64 // in seconds since 1970; 0: never
	received, sent uint64  // bytes
}

// wireguard is the collector wireguard: of the kernel's interfaces, and of
// those of programs (wireguard-go, boringtun). It implements frame.Explainer.
type wireguard struct {
	names    map[[wireguardKey]byte]string
	expected []string
	dump     dumpFunc
	sockets  string // the folder of the programs' sockets

	mu      sync.Mutex // guards explain
	explain string
}

// newWireguard takes a configuration that Validate has found nothing wrong
// with.
func newWireguard(cfg WireGuard, dump dumpFunc, sockets string) *wireguard {
	c := &wireguard{names: map[[wireguardKey]byte]string{}, expected: cfg.Expected, dump: dump, sockets: sockets}
	for text, name := range cfg.Peers {
		if key, err := base64.StdEncoding.DecodeString(text); err == nil && len(key) == wireguardKey {
			c.names[[wireguardKey]byte(key)] = name
		}
	}
	return c
}

// Name implements frame.Collector.
func (c *wireguard) Name() string { return "wireguard" }

// Families implements frame.Collector.
func (c *wireguard) Families() []*frame.Family {
	return []*frame.Family{wireguardPeers, wireguardHandshake, wireguardReceived, wireguardSent, wireguardExpected}
}

// Explain implements frame.Explainer.
func (c *wireguard) Explain() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.explain
}

// Collect implements frame.Collector. That Tocsin lacks the right, as it does
// by default, is a failure only where the site expects peers. An expected peer
// is not told to be silent where an interface could not be asked.
func (c *wireguard) Collect(ctx context.Context, s *frame.Sink) error {
	peers := map[string][]wireguardPeer{} // by interface
	err := errors.Join(c.askKernel(ctx, peers), c.askPrograms(ctx, peers))
	words := ""
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: it takes the capability CAP_NET_ADMIN, of a program's interface the right to its socket; packaging/README.md says how they are given", err)
		if len(c.expected) == 0 {
			words, err = err.Error(), nil
		}
	}
	c.mu.Lock()
	c.explain = words
	c.mu.Unlock()
	if len(peers) == 0 && len(c.expected) == 0 && err == nil && words == "" {
		return frame.ErrNoData
	}
	tooMany := c.send(s, peers)
	if err == nil {
		c.sendExpected(s, peers)
	}
	return errors.Join(err, tooMany)
}

func (c *wireguard) send(s *frame.Sink, peers map[string][]wireguardPeer) error {
	told := 0
	for name, all := range peers {
		s.Send(wireguardPeers, float64(len(all)), name)
		for i := range all {
			p := &all[i]
			peer, named := c.names[p.key]
			if !named {
				if told++; told > maxPeers {
					continue
				}
				peer = shortKey(base64.StdEncoding.EncodeToString(p.key[:]))
			}
			if p.handshake > 0 {
				s.Send(wireguardHandshake, p.handshake, name, peer)
			}
			s.Send(wireguardReceived, float64(p.received), name, peer)
			s.Send(wireguardSent, float64(p.sent), name, peer)
		}
	}
	if told > maxPeers {
		return fmt.Errorf("more than %d peers; of the others those that the site file names are told", maxPeers)
	}
	return nil
}

func (c *wireguard) sendExpected(s *frame.Sink, peers map[string][]wireguardPeer) {
	newest := map[string]float64{}
	for _, all := range peers {
		for i := range all {
			if name := c.names[all[i].key]; name != "" {
				newest[name] = max(newest[name], all[i].handshake)
			}
		}
	}
	for _, name := range c.expected {
		s.Send(wireguardExpected, newest[name], name)
	}
}

// addPeer adds one to an interface's, once: the kernel goes on with a peer in
// the next part of its answer where all its addresses do not fit.
func addPeer(to []wireguardPeer, p wireguardPeer) []wireguardPeer {
	if slices.ContainsFunc(to[max(0, len(to)-1):], func(o wireguardPeer) bool { return o.key == p.key }) {
		return to
	}
	return append(to, p)
}
