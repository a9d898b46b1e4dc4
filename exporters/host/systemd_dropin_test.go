//go:build linux

package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"tocsin/internal/frame"
	"tocsin/internal/testenv"
)

// nodeExporterOn runs node_exporter with these arguments against the bus of a
// machine, and returns its page's address.
func nodeExporterOn(t *testing.T, m *testenv.Machine, args ...string) string {
	t.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", testenv.Port(t))
	cmd := exec.Command(nodeExporter(t), append([]string{
		"--web.listen-address=" + address, "--web.disable-exporter-metrics", "--log.level=error", "--collector.disable-defaults",
	}, args...)...)
	cmd.Env = append(os.Environ(), "DBUS_SYSTEM_BUS_ADDRESS=unix:path="+m.Bus)
	testenv.StartCmd(t, cmd)
	testenv.WaitHTTP(t, "http://"+address+"/")
	return "http://" + address + "/metrics"
}

func TestSystemd_equalsNodeExporter(t *testing.T) {
	m := site(t, testenv.CgroupsV1) // it has tasks
	for name, tc := range map[string]struct {
		args   []string
		change func(*Config)
		want   []string // that something is there to compare
	}{
		"defaults": {want: []string{
			`node_systemd_unit_state{name="odd@a\\x2db:c.service",state="active",type="simple"}`,
			`node_systemd_unit_state{name="bad.service",state="failed",type="simple"}`,
			`node_systemd_timer_last_trigger_seconds{name="yearly.timer"}`,
			`node_systemd_socket_refused_connections_total{name="spool.socket"}`,
			`node_systemd_system_running`, `node_systemd_units{state="failed"}`,
		}},
		"all options": {
			args: []string{
				"--collector.systemd.enable-task-metrics", "--collector.systemd.enable-restarts-metrics",
				"--collector.systemd.enable-start-time-metrics", "--collector.systemd.unit-include=.+", "--collector.systemd.unit-exclude=",
			},
			change: func(c *Config) {
				c.Systemd = Systemd{Units: Filter{Include: "^.+$"}, Restarts: true, StartTimes: true, Tasks: true}
			},
			want: []string{
				`node_systemd_service_restart_total{name="flappy.service"}`, `node_systemd_unit_tasks_max{name="limited.service"}`,
				`node_systemd_unit_tasks_current{name="limited.service"}`, `node_systemd_unit_start_time_seconds{name="good.service"}`,
				`node_systemd_unit_state{name="-.mount",state="active",type="tmpfs"}`,
			},
		},
		"some units": {
			args:   []string{`--collector.systemd.unit-include=.+\.(service|target)`, "--collector.systemd.unit-exclude=system.+"},
			change: func(c *Config) { c.Systemd.Units = Filter{Include: `^.+\.(service|target)$`, Exclude: "^system.+$"} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := nodeExporterOn(t, m, append(tc.args, "--collector.systemd")...)
			c := collectorOf(t, m, "systemd", tc.change)
			ours := equalOnTheBus(t, url, c)
			for _, series := range tc.want {
				if _, ok := ours[series]; !ok {
					t.Errorf("there is no %s", series)
				}
			}
			t.Logf("%d series are the same", len(ours))
		})
	}
}

// equalOnTheBus waits until the collectors' page is theirs, and returns it.
func equalOnTheBus(t *testing.T, url string, all ...frame.Collector) map[string]float64 {
	t.Helper()
	spec := frame.Spec{Job: "node"}
	for _, c := range all {
		spec.Collectors = append(spec.Collectors, frame.Entry{Collector: c})
	}
	target := frame.NewTarget(spec, discard())
	ours := map[string]float64{}
	testenv.Eventually(t, 30*time.Second, "a page that equals node_exporter's", func(ctx context.Context) error {
		before := target.Gather(ctx)
		theirs, err := fetch(ctx, url)
		if err != nil {
			return err
		}
		after := target.Gather(ctx)
		ours = flatten(after)
		for _, state := range target.States() {
			if state.Reason != "" {
				return fmt.Errorf("%s: %s: %s", state.Collector, state.Reason, state.Error)
			}
		}
		return errors.Join(compareTypes(theirs, after), compareSamples(1, theirs, before, after))
	})
	return ours
}

func TestLogind_equalsNodeExporter(t *testing.T) {
	m := site(t, testenv.CgroupsV2)
	c := collectorOf(t, m, "logind", nil)
	if r := run(t, c, 10*time.Second); r.reason != "" || len(r.samples) > 0 {
		t.Errorf("without a logind: %s (%s), %d series", r.reason, r.err, len(r.samples))
	}
	if is := m.Show(t, "systemd-logind.service")["ActiveState"]; is == "active" {
		t.Error("the question has started logind")
	}
	m.Systemctl(t, "start", "systemd-logind.service")
	login(t, m, "good.service", "tty", "user", false)
	login(t, m, "limited.service", "x11", "greeter", true)
	url := nodeExporterOn(t, m, "--collector.logind", "--collector.systemd")
	ours := equalOnTheBus(t, url, c, collectorOf(t, m, "systemd", nil))
	for series, want := range map[string]float64{
		`node_logind_sessions{class="user",remote="false",seat="",type="tty"}`:      1,
		`node_logind_sessions{class="greeter",remote="true",seat="",type="x11"}`:    1,
		`node_logind_sessions{class="greeter",remote="true",seat="",type="tty"}`:    0,
		`node_logind_sessions{class="user",remote="false",seat="seat0",type="tty"}`: 0,
	} {
		if got, ok := ours[series]; !ok || got != want {
			t.Errorf("%s is %v (%t), want %v", series, got, ok, want)
		}
	}
}

// login opens a session for the main process of a unit, as PAM does.
func login(t *testing.T, m *testenv.Machine, unit, kind, class string, remote bool) {
	t.Helper()
	pid, err := strconv.ParseUint(m.Show(t, unit)["MainPID"], 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := dbus.Connect("unix:path="+m.Bus, dbus.WithAuth(dbus.AuthExternal("0")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	// Of org.freedesktop.login1(5): uid, pid, service, type, class, desktop, seat, VT, tty, display, remote, from user, from host.
	call := conn.Object(logindService, logindPath).Call(logindService+".Manager.CreateSession", 0,
		uint32(0), uint32(pid), "test", kind, class, "", "", uint32(0), "", "", remote, "", "", []struct {
			Name  string
			Value dbus.Variant
		}{})
	if call.Err != nil {
		t.Fatal(call.Err)
	}
}
