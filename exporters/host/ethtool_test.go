//go:build linux

package host

import (
	"testing"
	"time"

	"github.com/safchain/ethtool"
	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
)

// fakeEthtool is an ethtoolFunc that knows one network card.
func fakeEthtool(device string) (ethtoolAnswer, error) {
	if device != "bond0" && device != "eth0" {
		return ethtoolAnswer{}, nil
	}
	return ethtoolAnswer{
		driver: &ethtool.DrvInfo{Driver: "igb", Version: "6.1.0-18-amd64", FwVersion: "1.63, 0x800009fa", BusInfo: "0000:01:00.0", EromVersion: "1.2.3"},
		link: &ethtool.EthtoolCmd{
			Supported: 1<<unix.ETHTOOL_LINK_MODE_TP_BIT | 1<<unix.ETHTOOL_LINK_MODE_Autoneg_BIT | 1<<unix.ETHTOOL_LINK_MODE_Pause_BIT |
				1<<unix.ETHTOOL_LINK_MODE_10baseT_Half_BIT | 1<<unix.ETHTOOL_LINK_MODE_1000baseT_Full_BIT,
			Advertising: 1 << unix.ETHTOOL_LINK_MODE_1000baseT_Full_BIT, Autoneg: 1,
		},
		stats: map[string]uint64{
			"rx_bytes": 11, "tx_packets": 12, "rx_missed_errors": 13, "tx_queue_0_bytes": 14, "port.rx-dropped": 15, "_PHY_RX": 16,
			"same name": 17, "same_name": 18, "same-name": 19,
		},
	}, nil
}

func TestEthtool_names(t *testing.T) {
	r := run(t, find(t, tree("server"), "ethtool"), time.Second)
	wantFailure(t, r, "")
	wantSamples(t, r, map[string]float64{
		`node_ethtool_received_bytes_total{device="bond0"}`:      11,
		`node_ethtool_transmitted_packets_total{device="bond0"}`: 12,
		`node_ethtool_received_missed_errors{device="bond0"}`:    13,
		`node_ethtool_transmitted_queue_0_bytes{device="bond0"}`: 14,
		`node_ethtool_port_received_dropped{device="bond0"}`:     15,
		`node_ethtool_phy_received{device="bond0"}`:              16,
		`node_ethtool_same_name{device="bond0"}`:                 -1, // three numbers, one name
		`node_ethtool_info{bus_info="0000:01:00.0",device="bond0",driver="igb",expansion_rom_version="1.2.3",firmware_version="1.63, 0x800009fa",version="6.1.0-18-amd64"}`: 1,
		`node_network_supported_port_info{device="bond0",type="TP"}`:                         1,
		`node_network_supported_speed_bytes{device="bond0",duplex="half",mode="10baseT"}`:    1.25e6,
		`node_network_supported_speed_bytes{device="bond0",duplex="full",mode="1000baseT"}`:  1.25e8,
		`node_network_advertised_speed_bytes{device="bond0",duplex="full",mode="1000baseT"}`: 1.25e8,
		`node_network_advertised_speed_bytes{device="bond0",duplex="half",mode="10baseT"}`:   -1,
		`node_network_autonegotiate_supported{device="bond0"}`:                               1,
		`node_network_autonegotiate_advertised{device="bond0"}`:                              0,
		`node_network_pause_supported{device="bond0"}`:                                       1,
		`node_network_asymmetricpause_supported{device="bond0"}`:                             0,
		`node_network_autonegotiate{device="bond0"}`:                                         1,
	})
}

func TestEthtool_filtersAndFailures(t *testing.T) {
	root := write(t, map[string]string{"sys/class/net/eth0/mtu": "", "sys/class/net/lo/mtu": ""})
	refusing := func(device string) (ethtoolAnswer, error) {
		answer, _ := fakeEthtool(device)
		return answer, errTest
	}
	c := newEthtool(newRoots(Config{Sys: root + "/sys"}), newFilter(Filter{Exclude: "^lo$"}, discard()), newFilter(Filter{Include: "^rx_bytes$"}, discard()), refusing)
	r := run(t, c, time.Second)
	wantFailure(t, r, frame.ReasonError, errTest.Error())
	wantSamples(t, r, map[string]float64{
		`node_ethtool_received_bytes_total{device="eth0"}`:   11, // what is known is sent
		`node_ethtool_received_missed_errors{device="eth0"}`: -1,
	})
}
