//go:build linux

package host

import (
	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
)

// ethtoolSpeeds are the bits of linux/ethtool.h that tell speeds. The old
// request that node_exporter makes has 32 bits, so later modes are not seen.
var ethtoolSpeeds = []struct {
	bit          int
	megabits     float64
	duplex, mode string
}{
	{unix.ETHTOOL_LINK_MODE_10baseT_Half_BIT, 10, "half", "10baseT"},
	{unix.ETHTOOL_LINK_MODE_10baseT_Full_BIT, 10, "full", "10baseT"},
	{unix.ETHTOOL_LINK_MODE_100baseT_Half_BIT, 100, "half", "100baseT"},
	{unix.ETHTOOL_LINK_MODE_100baseT_Full_BIT, 100, "full", "100baseT"},
	{unix.ETHTOOL_LINK_MODE_1000baseT_Half_BIT, 1000, "half", "1000baseT"},
	{unix.ETHTOOL_LINK_MODE_1000baseT_Full_BIT, 1000, "full", "1000baseT"},
	{unix.ETHTOOL_LINK_MODE_10000baseT_Full_BIT, 10000, "full", "10000baseT"},
	{unix.ETHTOOL_LINK_MODE_1000baseKX_Full_BIT, 1000, "full", "1000baseKX"},
	{unix.ETHTOOL_LINK_MODE_10000baseKX4_Full_BIT, 10000, "full", "10000baseKX4"},
	{unix.ETHTOOL_LINK_MODE_10000baseKR_Full_BIT, 10000, "full", "10000baseKR"},
	{unix.ETHTOOL_LINK_MODE_10000baseR_FEC_BIT, 10000, "full", "10000baseR_FEC"},
	{unix.ETHTOOL_LINK_MODE_20000baseMLD2_Full_BIT, 20000, "full", "20000baseMLD2"},
	{unix.ETHTOOL_LINK_MODE_20000baseKR2_Full_BIT, 20000, "full", "20000baseKR2"},
	{unix.ETHTOOL_LINK_MODE_40000baseKR4_Full_BIT, 40000, "full", "40000baseKR4"},
	{unix.ETHTOOL_LINK_MODE_40000baseCR4_Full_BIT, 40000, "full", "40000baseCR4"},
	{unix.ETHTOOL_LINK_MODE_40000baseSR4_Full_BIT, 40000, "full", "40000baseSR4"},
	{unix.ETHTOOL_LINK_MODE_40000baseLR4_Full_BIT, 40000, "full", "40000baseLR4"},
	{unix.ETHTOOL_LINK_MODE_56000baseKR4_Full_BIT, 56000, "full", "56000baseKR4"},
	{unix.ETHTOOL_LINK_MODE_56000baseCR4_Full_BIT, 56000, "full", "56000baseCR4"},
	{unix.ETHTOOL_LINK_MODE_56000baseSR4_Full_BIT, 56000, "full", "56000baseSR4"},
	{unix.ETHTOOL_LINK_MODE_56000baseLR4_Full_BIT, 56000, "full", "56000baseLR4"},
	{unix.ETHTOOL_LINK_MODE_25000baseCR_Full_BIT, 25000, "full", "25000baseCR"},
}

// ethtoolModes is what an interface can do, or says that it can.
type ethtoolModes struct{ speed, autonegotiate, pause, asymmetric *frame.Family }

func newEthtoolModes(which, verb string) ethtoolModes {
	return ethtoolModes{
		speed: &frame.Family{
			Name: "node_network_" + which + "_speed_bytes", Labels: []string{"device", "duplex", "mode"},
			Help: "Each speed that the interface " + verb + ", in bytes a second.",
		},
		autonegotiate: netGauge("autonegotiate_"+which, "Whether the interface "+verb+" autonegotiation."),
		pause:         netGauge("pause_"+which, "Whether the interface "+verb+" pauses."),
		asymmetric:    netGauge("asymmetricpause_"+which, "Whether the interface "+verb+" pauses of one direction."),
	}
}

func (m ethtoolModes) families() []*frame.Family {
	return []*frame.Family{m.speed, m.autonegotiate, m.pause, m.asymmetric}
}

func (m ethtoolModes) send(s *frame.Sink, device string, bits uint32) {
	for _, speed := range ethtoolSpeeds {
		if bits&(1<<speed.bit) != 0 {
			s.Send(m.speed, speed.megabits*1e6/8, device, speed.duplex, speed.mode)
		}
	}
	for _, ability := range []struct {
		family *frame.Family
		bit    int
	}{
		{m.autonegotiate, unix.ETHTOOL_LINK_MODE_Autoneg_BIT},
		{m.pause, unix.ETHTOOL_LINK_MODE_Pause_BIT},
		{m.asymmetric, unix.ETHTOOL_LINK_MODE_Asym_Pause_BIT},
	} {
		s.Send(ability.family, float64(bits>>ability.bit&1), device)
	}
}
