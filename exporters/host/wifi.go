//go:build linux

package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/mdlayher/wifi"

	"tocsin/internal/frame"
)

var (
	wifiFrequency = &frame.Family{
		Name: "node_wifi_interface_frequency_hertz", Labels: []string{"device"}, Help: "Frequency that the interface sends on, in hertz.",
	}
	wifiNetwork = &frame.Family{
		Name: "node_wifi_station_info", Labels: []string{"device", "bssid", "ssid", "mode"},
		Help: "The wireless network that the interface is in: mode is client, ad-hoc or unknown; always 1.",
	}
)

// wifiStations are the numbers of each station that an interface talks to.
var wifiStations = []struct {
	family *frame.Family
	value  func(*wifi.StationInfo) float64
}{
	{wifiCounter("connected_seconds_total", "Seconds since it is connected."), func(i *wifi.StationInfo) float64 { return i.Connected.Seconds() }},
	{wifiGauge("inactive_seconds", "Seconds since anything was heard or sent."), func(i *wifi.StationInfo) float64 { return i.Inactive.Seconds() }},
	{wifiGauge("receive_bits_per_second", "Rate of receiving, in bits a second."), func(i *wifi.StationInfo) float64 { return float64(i.ReceiveBitrate) }},
	{wifiGauge("transmit_bits_per_second", "Rate of sending, in bits a second."), func(i *wifi.StationInfo) float64 { return float64(i.TransmitBitrate) }},
	{wifiCounter("receive_bytes_total", "Bytes received."), func(i *wifi.StationInfo) float64 { return float64(i.ReceivedBytes) }},
	{wifiCounter("transmit_bytes_total", "Bytes sent."), func(i *wifi.StationInfo) float64 { return float64(i.TransmittedBytes) }},
	{wifiGauge("signal_dbm", "Strength of the signal, in decibels over a milliwatt."), func(i *wifi.StationInfo) float64 { return float64(i.Signal) }},
	{wifiCounter("transmit_retries_total", "How often a packet had to be sent again."), func(i *wifi.StationInfo) float64 { return float64(i.TransmitRetries) }},
	{wifiCounter("transmit_failed_total", "Packets that could not be sent."), func(i *wifi.StationInfo) float64 { return float64(i.TransmitFailed) }},
	{wifiCounter("beacon_loss_total", "How often its beacons were missed."), func(i *wifi.StationInfo) float64 { return float64(i.BeaconLoss) }},
	{wifiCounter("transmitted_packets_total", "Packets sent."), func(i *wifi.StationInfo) float64 { return float64(i.TransmittedPackets) }},
	{wifiCounter("received_packets_total", "Packets received."), func(i *wifi.StationInfo) float64 { return float64(i.ReceivedPackets) }},
}

func wifiGauge(name, help string) *frame.Family {
	return &frame.Family{Name: "node_wifi_station_" + name, Labels: []string{"device", "mac_address"}, Help: help}
}

func wifiCounter(name, help string) *frame.Family {
	f := wifiGauge(name, help)
	f.Type = frame.Counter
	return f
}

// A wifiClient asks the kernel (nl80211, by netlink). What an interface does
// not have is fs.ErrNotExist.
type wifiClient interface {
	SetDeadline(t time.Time) error
	Interfaces() ([]*wifi.Interface, error)
	BSS(i *wifi.Interface) (*wifi.BSS, error)
	StationInfo(i *wifi.Interface) ([]*wifi.StationInfo, error)
	Close() error
}

// dialWifi makes a wifiClient.
func dialWifi() (wifiClient, error) { return wifi.New() }

// wireless is the collector wifi.
type wireless struct {
	interfaces *filter
	dial       func() (wifiClient, error)
}

func newWireless(interfaces *filter, dial func() (wifiClient, error)) *wireless {
	return &wireless{interfaces: interfaces, dial: dial}
}

// Name implements frame.Collector.
func (c *wireless) Name() string { return "wifi" }

// Families implements frame.Collector.
func (c *wireless) Families() []*frame.Family {
	families := []*frame.Family{wifiFrequency, wifiNetwork}
	for _, station := range wifiStations {
		families = append(families, station.family)
	}
	return families
}

// Collect implements frame.Collector.
func (c *wireless) Collect(ctx context.Context, s *frame.Sink) error {
	client, err := c.dial()
	if errors.Is(err, fs.ErrNotExist) {
		return frame.ErrNoData // a kernel without wireless networks
	}
	if err != nil {
		return fmt.Errorf("wifi: %w", err)
	}
	defer client.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := client.SetDeadline(deadline); err != nil {
			return fmt.Errorf("wifi: %w", err)
		}
	}
	interfaces, err := client.Interfaces()
	if err != nil {
		return fmt.Errorf("wifi: %w", err)
	}
	sent := map[string]bool{}
	var errs []error
	for _, i := range interfaces {
		// Some that are no interface of the network have no name.
		if i.Name == "" || sent[i.Name] || !c.interfaces.watches([]byte(i.Name)) {
			continue
		}
		sent[i.Name] = true
		errs = append(errs, ctx.Err(), wifiInterface(s, client, i))
	}
	return errors.Join(errs...)
}

func wifiInterface(s *frame.Sink, client wifiClient, i *wifi.Interface) error {
	device := valid(i.Name)
	s.Send(wifiFrequency, float64(i.Frequency)*1e6, device)
	network, err := client.BSS(i)
	if err == nil {
		s.Send(wifiNetwork, 1, device, network.BSSID.String(), valid(network.SSID), wifiMode(network.Status))
	}
	stations, err2 := client.StationInfo(i)
	sent := map[string]bool{}
	for _, station := range stations {
		address := station.HardwareAddr.String()
		if sent[address] {
			continue
		}
		sent[address] = true
		for _, number := range wifiStations {
			s.Send(number.family, number.value(station), device, address)
		}
	}
	return errors.Join(optional("wifi "+device, err), optional("wifi "+device, err2))
}

func wifiMode(status wifi.BSSStatus) string {
	switch status {
	case wifi.BSSStatusAuthenticated, wifi.BSSStatusAssociated:
		return "client"
	case wifi.BSSStatusIBSSJoined:
		return "ad-hoc"
	default:
		return "unknown"
	}
}
