//go:build linux

package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/safchain/ethtool"
	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
	"tocsin/internal/lazy"
)

var (
	// ethtoolAny declares what the collector may send: drivers decide on the
	// names.
	ethtoolAny = &frame.Family{
		Name: "node_ethtool_*", Type: frame.Untyped, Labels: []string{"device"},
		Help: "A number of the driver's own, by its name there.",
	}
	ethtoolInfo = &frame.Family{
		Name:   "node_ethtool_info",
		Labels: []string{"bus_info", "device", "driver", "expansion_rom_version", "firmware_version", "version"},
		Help:   "What drives the interface, in words; always 1.",
	}
	ethtoolPort = &frame.Family{
		Name: "node_network_supported_port_info", Labels: []string{"device", "type"}, Help: "The kinds of plug that the interface has; always 1.",
	}
	ethtoolAutonegotiate = netGauge("autonegotiate", "Whether both sides of the link agree on its speed by themselves.")
	ethtoolSupported     = newEthtoolModes("supported", "has")
	ethtoolAdvertised    = newEthtoolModes("advertised", "offers to the other side")
)

// ethtoolTotals are the numbers whose names are not made from the driver's by
// rule.
var ethtoolTotals = map[string]string{
	"rx_bytes": "received_bytes_total", "rx_dropped": "received_dropped_total", "rx_errors": "received_errors_total",
	"rx_packets": "received_packets_total", "tx_bytes": "transmitted_bytes_total", "tx_errors": "transmitted_errors_total",
	"tx_packets": "transmitted_packets_total",
}

// An ethtoolFunc asks the driver of an interface. What it does not answer is
// the zero value.
type ethtoolFunc func(device string) (ethtoolAnswer, error)

// ethtoolAnswer is what ethtool(8) shows of an interface.
type ethtoolAnswer struct {
	driver *ethtool.DrvInfo
	link   *ethtool.EthtoolCmd
	stats  map[string]uint64
}

// askDriver is an ethtoolFunc.
func askDriver(device string) (ethtoolAnswer, error) {
	tool, err := ethtool.NewEthtool()
	if err != nil {
		return ethtoolAnswer{}, fmt.Errorf("ethtool: %w", err)
	}
	defer tool.Close()
	var answer ethtoolAnswer
	var errs []error
	ask := func(err error) bool {
		if err != nil && !absent(err) {
			errs = append(errs, fmt.Errorf("ethtool %s: %w", device, err))
		}
		return err == nil
	}
	var link ethtool.EthtoolCmd
	if _, err := tool.CmdGet(&link, device); ask(err) {
		answer.link = &link
	}
	if driver, err := tool.DriverInfo(device); ask(err) {
		answer.driver = &driver
	}
	answer.stats, err = tool.Stats(device)
	ask(err)
	return answer, errors.Join(errs...)
}

// ethtoolCollector is the collector ethtool.
type ethtoolCollector struct {
	roots              *roots
	interfaces, fields *filter
	ask                ethtoolFunc

	mu       sync.Mutex // guards families
	families map[string]*frame.Family
}

func newEthtool(r *roots, interfaces, fields *filter, ask ethtoolFunc) *ethtoolCollector {
	return &ethtoolCollector{roots: r, interfaces: interfaces, fields: fields, ask: ask, families: map[string]*frame.Family{}}
}

// Name implements frame.Collector.
func (c *ethtoolCollector) Name() string { return "ethtool" }

// Families implements frame.Collector.
func (c *ethtoolCollector) Families() []*frame.Family {
	families := []*frame.Family{ethtoolInfo, ethtoolAny, ethtoolPort, ethtoolAutonegotiate}
	return slices.Concat(families, ethtoolSupported.families(), ethtoolAdvertised.families())
}

// Collect implements frame.Collector.
func (c *ethtoolCollector) Collect(ctx context.Context, s *frame.Sink) error {
	return c.roots.class(ctx, "net", c.interfaces, func(_ folder, device string) error {
		answer, err := c.ask(device)
		if link := answer.link; link != nil {
			ethtoolSupported.send(s, device, link.Supported)
			ethtoolAdvertised.send(s, device, link.Advertising)
			for _, port := range ethtoolPorts {
				if link.Supported&(1<<port.bit) != 0 {
					s.Send(ethtoolPort, 1, device, port.name)
				}
			}
			s.Send(ethtoolAutonegotiate, float64(link.Autoneg), device)
		}
		if d := answer.driver; d != nil {
			s.Send(ethtoolInfo, 1, valid(d.BusInfo), device, valid(d.Driver), valid(d.EromVersion), valid(d.FwVersion), valid(d.Version))
		}
		c.stats(s, device, answer.stats)
		return err
	})
}

// stats sends the driver's numbers. Of those whose names come to the same,
// none is sent: nobody could tell which it is.
func (c *ethtoolCollector) stats(s *frame.Sink, device string, stats map[string]uint64) {
	values, twice := map[*frame.Family]uint64{}, map[*frame.Family]bool{}
	for name, value := range stats {
		family := c.family(name)
		if family == nil {
			continue
		}
		_, ok := values[family]
		twice[family] = ok
		values[family] = value
	}
	for family, value := range values {
		if !twice[family] {
			s.Send(family, float64(value), device)
		}
	}
}

func (c *ethtoolCollector) family(name string) *frame.Family {
	word := ethtoolWord(name)
	if !c.fields.watches([]byte(word)) {
		return nil
	}
	full := "node_ethtool_" + ethtoolName(word)
	c.mu.Lock()
	defer c.mu.Unlock()
	family := c.families[full]
	if family == nil {
		if len(c.families) >= maxNetstat {
			clear(c.families)
		}
		family = &frame.Family{
			Name: full, Type: frame.Untyped, Labels: ethtoolAny.Labels, Help: "The driver's number " + word + ".",
		}
		c.families[full] = family
	}
	return family
}

var (
	ethtoolReceived    = lazy.Regexp(`(^|_)rx(_|$)`)
	ethtoolTransmitted = lazy.Regexp(`(^|_)tx(_|$)`)
)

// ethtoolWord makes a driver's name fit for a metric's.
func ethtoolWord(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
}

// ethtoolName spells a driver's name as node_exporter does: tx_queue_0_bytes
// is transmitted_queue_0_bytes.
func ethtoolName(word string) string {
	if name, ok := ethtoolTotals[word]; ok {
		return name
	}
	name := strings.TrimLeft(strings.ToLower(word), "_")
	name = ethtoolReceived().ReplaceAllString(name, "${1}received${2}")
	return ethtoolTransmitted().ReplaceAllString(name, "${1}transmitted${2}")
}

// ethtoolPorts are the bits of linux/ethtool.h that tell the kinds of plug.
var ethtoolPorts = []struct {
	bit  int
	name string
}{
	{unix.ETHTOOL_LINK_MODE_TP_BIT, "TP"},
	{unix.ETHTOOL_LINK_MODE_AUI_BIT, "AUI"},
	{unix.ETHTOOL_LINK_MODE_MII_BIT, "MII"},
	{unix.ETHTOOL_LINK_MODE_FIBRE_BIT, "FIBRE"},
	{unix.ETHTOOL_LINK_MODE_BNC_BIT, "BNC"},
	{unix.ETHTOOL_LINK_MODE_Backplane_BIT, "Backplane"},
}
