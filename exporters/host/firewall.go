//go:build linux

package host

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
)

var (
	firewallRules = &frame.Family{
		Name: "tocsin_host_firewall_rules", Labels: []string{"family"},
		Help: "Rules that nftables has loaded, those of iptables-nft among them, by family: ip, ip6, inet, arp, bridge or netdev. Absent where Tocsin lacks CAP_NET_ADMIN.",
	}
	firewallLoaded = &frame.Family{
		Name: "tocsin_host_firewall_loaded",
		Help: "Whether something filters what comes in: a chain of nftables with rules or a policy that drops, other than fail2ban's, or the legacy iptables, whose rules are not seen. Absent where that is not known.",
	}
	firewallRequired = &frame.Family{
		Name: "tocsin_host_firewall_required", Help: "Whether the site file says that the machine must have a firewall.",
	}
)

// firewall is the collector firewall. It sees the tables of its own network
// namespace. It implements frame.Explainer.
type firewall struct {
	roots    *roots
	dump     dumpFunc
	required bool

	mu      sync.Mutex // guards explain
	explain string
}

func newFirewall(r *roots, d dumpFunc, required bool) *firewall {
	return &firewall{roots: r, dump: d, required: required}
}

// Name implements frame.Collector.
func (c *firewall) Name() string { return "firewall" }

// Families implements frame.Collector.
func (c *firewall) Families() []*frame.Family {
	return []*frame.Family{firewallRules, firewallLoaded, firewallRequired}
}

// Explain implements frame.Explainer.
func (c *firewall) Explain() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.explain
}

// Collect implements frame.Collector. That Tocsin lacks the right, as it does
// by default, is a failure only where the site wants a firewall.
func (c *firewall) Collect(ctx context.Context, s *frame.Sink) error {
	s.Send(firewallRequired, truth(c.required))
	filters, err := c.nftables(ctx, s)
	if err == nil && !filters {
		filters, err = c.legacy()
	}
	return c.finish(s, filters, err)
}

func (c *firewall) finish(s *frame.Sink, filters bool, err error) error {
	words := ""
	switch {
	case err == nil:
		s.Send(firewallLoaded, truth(filters))
	case errors.Is(err, fs.ErrPermission) && !c.required:
		words, err = err.Error(), nil
	}
	c.mu.Lock()
	c.explain = words
	c.mu.Unlock()
	return err
}

// nftables counts the rules, and tells whether a chain filters what comes in.
// A kernel without it has no rules.
func (c *firewall) nftables(ctx context.Context, s *frame.Sink) (filters bool, err error) {
	counts := map[string]int{}
	err = c.ask(ctx, unix.NFT_MSG_GETRULE, func(family byte, _ []byte) error {
		counts[nftFamily(family)]++
		return nil
	})
	if err == nil {
		err = c.ask(ctx, unix.NFT_MSG_GETCHAIN, func(family byte, attributes []byte) error {
			is, err := filtersInput(family, attributes)
			filters = filters || is
			return err
		})
	}
	switch {
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EINVAL), errors.Is(err, unix.EPROTONOSUPPORT):
		return false, nil
	case errors.Is(err, unix.EPERM):
		return false, fmt.Errorf("nftables: it takes the capability CAP_NET_ADMIN; packaging/README.md says how it is given: %w", err)
	case err != nil:
		return false, fmt.Errorf("nftables: %w", err)
	}
	for _, family := range nftFamilies {
		s.Send(firewallRules, float64(counts[family]), family)
	}
	return filters, nil
}

func (c *firewall) ask(ctx context.Context, kind uint16, use func(family byte, attributes []byte) error) error {
	const header = 4 // struct nfgenmsg (linux/netfilter/nfnetlink.h); all zero asks for all families
	return c.dump(ctx, unix.NETLINK_NETFILTER, unix.NFNL_SUBSYS_NFTABLES<<8|kind, make([]byte, header), func(entry []byte) error {
		if len(entry) < header {
			return errNetlink
		}
		return use(entry[0], entry[header:])
	})
}

var nftFamilies = []string{"arp", "bridge", "inet", "ip", "ip6", "netdev"}

// nftFamily names a family (linux/netfilter.h, NFPROTO_*).
func nftFamily(number byte) string {
	switch number {
	case unix.NFPROTO_INET:
		return "inet"
	case unix.NFPROTO_IPV4:
		return "ip"
	case unix.NFPROTO_IPV6:
		return "ip6"
	case unix.NFPROTO_ARP:
		return "arp"
	case unix.NFPROTO_BRIDGE:
		return "bridge"
	}
	return "netdev"
}

const (
	hookInput  = 1 // NF_INET_LOCAL_IN
	policyDrop = 0 // NF_DROP
)

// filtersInput tells whether a chain decides on what comes in: it hangs at the
// input hook and has rules, or drops what it has no rule for. A chain that
// fail2ban made stands against some addresses only.
func filtersInput(family byte, attributes []byte) (bool, error) {
	if family != unix.NFPROTO_INET && family != unix.NFPROTO_IPV4 && family != unix.NFPROTO_IPV6 {
		return false, nil
	}
	var table, kind string
	var hook []byte
	var uses uint32
	drops := false
	err := eachAttribute(attributes, func(name uint16, value []byte) {
		switch name {
		case unix.NFTA_CHAIN_TABLE:
			table = attributeText(value)
		case unix.NFTA_CHAIN_TYPE:
			kind = attributeText(value)
		case unix.NFTA_CHAIN_HOOK:
			hook = value
		case unix.NFTA_CHAIN_POLICY:
			drops = len(value) == 4 && binary.BigEndian.Uint32(value) == policyDrop
		case unix.NFTA_CHAIN_USE: // for a chain at a hook, to which none jumps, its rules
			if len(value) == 4 {
				uses = binary.BigEndian.Uint32(value)
			}
		}
	})
	atInput := false
	err = errors.Join(err, eachAttribute(hook, func(name uint16, value []byte) {
		if name == unix.NFTA_HOOK_HOOKNUM {
			atInput = len(value) == 4 && binary.BigEndian.Uint32(value) == hookInput
		}
	}))
	return atInput && kind == "filter" && (drops || uses > 0) && !strings.HasPrefix(table, "f2b-"), err
}

// legacy tells whether the iptables of old have a table filter. The files are
// there where the kernel has such tables, and are root's.
func (c *firewall) legacy() (bool, error) {
	for _, name := range []string{"ip_tables_names", "ip6_tables_names"} {
		found := false
		err := c.roots.read(filepath.Join(c.roots.proc, "net", name), func(content []byte) error {
			found = slices.Contains(strings.Fields(string(content)), "filter")
			return nil
		})
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, fs.ErrPermission):
			return false, fmt.Errorf("legacy iptables: it takes root, or the capability CAP_DAC_READ_SEARCH: %w", err)
		case err != nil:
			return false, err
		case found:
			return true, nil
		}
	}
	return false, nil
}
