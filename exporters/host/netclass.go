//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
)

var (
	netUp = &frame.Family{
		Name: "node_network_up", Labels: []string{"device"}, Help: "Whether the interface is up and running (operstate).",
	}
	netInfo = &frame.Family{
		Name:   "node_network_info",
		Labels: []string{"device", "address", "broadcast", "duplex", "operstate", "adminstate", "ifalias"},
		Help:   "What the interface is, in words; always 1.",
	}
	netSpeed = netGauge("speed_bytes", "Speed of the link, in bytes a second; negative where the driver does not know.")
	netFlags = netGauge("flags", "The interface's flags, as netdevice(7) has them.")
)

// netNumber is a file of an interface that is sent as it is.
type netNumber struct {
	file   string
	family *frame.Family
}

// netMoving are those that tell how the link fares.
var netMoving = []netNumber{
	{"carrier", netGauge("carrier", "Whether the link has a carrier.")},
	{"carrier_changes", netCounter("carrier_changes_total", "How often the carrier came or went.")},
	{"carrier_up_count", netCounter("carrier_up_changes_total", "How often the carrier came.")},
	{"carrier_down_count", netCounter("carrier_down_changes_total", "How often the carrier went.")},
	{"dormant", netGauge("dormant", "Whether the interface waits for something, as 802.1X.")},
}

// netIndex tells an interface from another that had its name before.
var netIndex = netNumber{"ifindex", netGauge("iface_id", "The interface's number.")}

// netSettled are those that an administrator sets, or nobody.
var netSettled = []netNumber{
	{"addr_assign_type", netGauge("address_assign_type", "Where the address comes from: 0 hardware, 1 random, 2 copied, 3 set.")},
	{"dev_id", netGauge("device_id", "Tells interfaces apart that share one address.")},
	{"iflink", netGauge("iface_link", "Number of the interface that this one sits on.")},
	{"link_mode", netGauge("iface_link_mode", "How the link is brought up: 0 by itself, 1 dormant.")},
	{"mtu", netGauge("mtu_bytes", "The largest packet, in bytes.")},
	{"name_assign_type", netGauge("name_assign_type", "Where the name comes from: 1 kernel, 2 foreseeable, 3 user, 4 renamed.")},
	{"netdev_group", netGauge("net_dev_group", "The group that the interface was put in.")},
	{"tx_queue_len", netGauge("transmit_queue_length", "How many packets may wait to be sent.")},
	{"type", netGauge("protocol_type", "The kind of hardware, as ARP numbers it.")},
}

func netGauge(name, help string) *frame.Family {
	return &frame.Family{Name: "node_network_" + name, Labels: []string{"device"}, Help: help}
}

// settledFor is how long what hardly ever changes is believed.
const settledFor = time.Minute

// netclass is the collector netclass. It reads sysfs itself: of all that a
// host page is made of this costs most by far, and reading only the files
// that are wanted, relative to their folder, takes a quarter of the time; and
// what hardly ever changes is read once a minute, or when the interface is
// another one.
type netclass struct {
	roots      *roots
	interfaces *filter
	now        func() time.Time

	settled map[string]*settled // by interface; Collect's own
}

// settled is what hardly ever changes of an interface.
type settled struct {
	index              int64
	until              time.Time
	address, broadcast string
	numbers            []float64 // as netSettled; NaN: the interface does not have it
}

func newNetclass(r *roots, interfaces *filter, now func() time.Time) *netclass {
	return &netclass{roots: r, interfaces: interfaces, now: now, settled: map[string]*settled{}}
}

// Name implements frame.Collector.
func (c *netclass) Name() string { return "netclass" }

// Families implements frame.Collector.
func (c *netclass) Families() []*frame.Family {
	families := []*frame.Family{netUp, netInfo, netSpeed, netFlags, netIndex.family}
	for _, n := range slices.Concat(netMoving, netSettled) {
		families = append(families, n.family)
	}
	return families
}

// Collect implements frame.Collector.
func (c *netclass) Collect(ctx context.Context, s *frame.Sink) error {
	now := c.now()
	err := c.roots.class(ctx, "net", c.interfaces, func(d folder, device string) error { return c.device(s, d, device, now) })
	for device, known := range c.settled { // interfaces that are gone
		if now.Sub(known.until) > settledFor {
			delete(c.settled, device)
		}
	}
	return err
}

func (c *netclass) device(s *frame.Sink, d folder, device string, now time.Time) error {
	a := attributes{folder: d}
	state := a.text("operstate")
	s.Send(netUp, truth(state == "up"), device)

	admin := "unknown"
	if flags, ok := a.number("flags"); ok {
		s.Send(netFlags, float64(flags), device)
		admin = "down"
		if flags&unix.IFF_UP != 0 {
			admin = "up"
		}
	}
	if megabits, ok := a.number("speed"); ok {
		s.Send(netSpeed, float64(megabits*1000*1000/8), device)
	}
	for _, n := range netMoving {
		if value, ok := a.number(n.file); ok {
			s.Send(n.family, float64(value), device)
		}
	}
	index, ok := a.number(netIndex.file)
	if ok {
		s.Send(netIndex.family, float64(index), device)
	}
	k := c.know(&a, device, index, now)
	for i, n := range netSettled {
		if !math.IsNaN(k.numbers[i]) {
			s.Send(n.family, k.numbers[i], device)
		}
	}
	s.Send(netInfo, 1, device, k.address, k.broadcast, a.text("duplex"), state, admin, a.text("ifalias"))
	return errors.Join(a.errs...)
}

// know returns what is settled of an interface. What could not be read for an
// error is asked again the next time.
func (c *netclass) know(a *attributes, device string, index int64, now time.Time) *settled {
	k := c.settled[device]
	if k != nil && k.index == index && now.Before(k.until) {
		return k
	}
	before := len(a.errs)
	k = &settled{index: index, until: now.Add(settledFor), address: a.text("address"), broadcast: a.text("broadcast")}
	for _, n := range netSettled {
		value := math.NaN()
		if v, ok := a.number(n.file); ok {
			value = float64(v)
		}
		k.numbers = append(k.numbers, value)
	}
	if len(a.errs) > before {
		k.until = now
	}
	c.settled[device] = k
	return k
}

// attributes reads the files of one interface. A file that is not there, or
// that the driver answers with an error (the speed of a link that is down),
// is no error: the interface does not have it.
type attributes struct {
	folder folder
	buffer [512]byte
	errs   []error
}

func (a *attributes) value(name string) []byte {
	value, err := a.folder.value(name, a.buffer[:])
	if err != nil && !absent(err) {
		a.errs = append(a.errs, err)
	}
	return value
}

func absent(err error) bool {
	return missing(err) || errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EINVAL) ||
		errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENODATA)
}

func (a *attributes) text(name string) string {
	return valid(string(a.value(name)))
}

// number reads a number, which sysfs writes in decimal or as 0x1003.
func (a *attributes) number(name string) (int64, bool) {
	value := a.value(name)
	if len(value) == 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(string(value), 0, 64)
	if err != nil {
		a.errs = append(a.errs, fmt.Errorf("%s/%s: %w", a.folder.path, name, err))
		return 0, false
	}
	return n, true
}

// count reads a number that is never negative. What a driver does not count
// is absent; some say so in words.
func (a *attributes) count(name string) (uint64, bool) {
	value := a.value(name)
	if len(value) == 0 || bytes.HasPrefix(value, []byte("N/A")) {
		return 0, false
	}
	n, ok := number(value)
	if bytes.HasPrefix(value, []byte("0x")) {
		n, ok = hexadecimal(value)
	}
	if !ok {
		a.errs = append(a.errs, malformed(a.folder.path+"/"+name, value))
	}
	return n, ok
}
