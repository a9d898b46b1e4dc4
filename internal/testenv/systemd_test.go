package testenv

import (
	"strings"
	"testing"
)

func TestSystemd_bootsInGroupsOfItsOwn(t *testing.T) {
	for _, version := range []Cgroups{CgroupsV1, CgroupsV2} {
		t.Run(string(version), func(t *testing.T) {
			m := Systemd(t, version, map[string]string{"good.service": "[Service]\nExecStart=/bin/sleep infinity\n"})
			m.Systemctl(t, "start", "good.service")
			if got := m.Show(t, "good.service"); got["ActiveState"] != "active" || got["ControlGroup"] != "/system.slice/good.service" {
				t.Errorf("the unit is %s in %s", got["ActiveState"], got["ControlGroup"])
			}
			if out := m.Systemctl(t, "list-units", "--failed", "--no-legend"); strings.TrimSpace(out) != "" {
				t.Errorf("something failed at boot:\n%s", out)
			}
		})
	}
}
