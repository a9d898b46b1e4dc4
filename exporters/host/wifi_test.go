//go:build linux

package host

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mdlayher/wifi"

	"tocsin/internal/frame"
)

// fakeWifi is a wifiClient with one interface that is in a network, one that
// is in none, and one without a name.
type fakeWifi struct{ err error }

func (fakeWifi) SetDeadline(time.Time) error { return nil }
func (fakeWifi) Close() error                { return nil }

func (fakeWifi) Interfaces() ([]*wifi.Interface, error) {
	return []*wifi.Interface{{Index: 3, Name: "wlan0", Frequency: 2412}, {Index: 4, Name: "wlan1", Frequency: 5180}, {Index: 5}}, nil
}

func (f fakeWifi) BSS(i *wifi.Interface) (*wifi.BSS, error) {
	if i.Name != "wlan0" {
		return nil, errors.Join(f.err, fs.ErrNotExist)
	}
	return &wifi.BSS{SSID: "Example", BSSID: net.HardwareAddr{2, 0, 0x5e, 0, 0x53, 1}, Status: wifi.BSSStatusAssociated}, f.err
}

func (f fakeWifi) StationInfo(i *wifi.Interface) ([]*wifi.StationInfo, error) {
	if i.Name != "wlan0" {
		return nil, fs.ErrNotExist
	}
	return []*wifi.StationInfo{{
		HardwareAddr: net.HardwareAddr{2, 0, 0x5e, 0, 0x53, 1}, Connected: 30 * time.Second, Inactive: 400 * time.Millisecond,
		ReceivedBytes: 1, TransmittedBytes: 2, ReceivedPackets: 3, TransmittedPackets: 4, ReceiveBitrate: 128e6, TransmitBitrate: 164e6,
		Signal: -52, TransmitRetries: 10, TransmitFailed: 2, BeaconLoss: 3,
	}}, nil
}

// node_exporter reads the answers from files, where it is told to.
func TestWifi_equalsNodeExporter(t *testing.T) {
	folder := t.TempDir()
	put := func(name string, value any, err error) {
		t.Helper()
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		b, err2 := json.Marshal(value)
		if err := errors.Join(err, err2, os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o755)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	interfaces, err := fakeWifi{}.Interfaces()
	put("interfaces.json", interfaces, err)
	for _, i := range interfaces {
		network, err := fakeWifi{}.BSS(i)
		put(i.Name+"/bss.json", network, err)
		stations, err := fakeWifi{}.StationInfo(i)
		put(i.Name+"/stationinfo.json", stations, err)
	}
	ours := find(t, tree("server"), "wifi")
	process, url := startNodeExporter(t, []frame.Collector{ours}, "--collector.wifi.fixtures="+folder)
	equalPages(t, len(wifiStations)+3, []frame.Entry{{Collector: ours}}, process, url)
}

func TestWifi_failures(t *testing.T) {
	all := newFilter(Filter{}, discard())
	refusing := newWireless(all, func() (wifiClient, error) { return nil, errTest })
	wantFailure(t, run(t, refusing, time.Second), frame.ReasonError, "wifi", errTest.Error())
	none := newWireless(all, func() (wifiClient, error) { return nil, fs.ErrNotExist })
	wantFailure(t, run(t, none, time.Second), "")
	partly := newWireless(all, func() (wifiClient, error) { return fakeWifi{err: errTest}, nil })
	r := run(t, partly, time.Second)
	wantFailure(t, r, frame.ReasonError, "wifi wlan0", errTest.Error())
	wantSamples(t, r, map[string]float64{
		`node_wifi_interface_frequency_hertz{device="wlan1"}`:                          5.18e9,
		`node_wifi_station_signal_dbm{device="wlan0",mac_address="02:00:5e:00:53:01"}`: -52,
	})
}
