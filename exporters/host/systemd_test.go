//go:build linux

package host

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"tocsin/internal/bus/bustest"
	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/testenv"
)

// busCollectors are those that ask the machine's bus.
var busCollectors = []string{"logind", "systemd", "units"}

// onBus makes a collector that asks the bus at a path and watches units, on a
// machine whose files lie under a folder.
func onBus(t testing.TB, name, path, root string, watch ...string) frame.Collector {
	t.Helper()
	cfg := Config{Sys: filepath.Join(root, "sys"), Root: root, Units: Units{Watch: watch}}
	cfg.SetDefaults()
	cfg.Collectors.Only = []string{name}
	m := newMachine(cfg, fakeKernel(), discard())
	m.roots.bus = path
	return find(t, plain(m.collectors()), name)
}

// row is one unit in systemd's lists, a(ssssssouso).
type row struct {
	Name, Description, Load, Active, Sub, Following string
	Path                                            dbus.ObjectPath
	Job                                             uint32
	JobType                                         string
	JobPath                                         dbus.ObjectPath
}

func rowOf(name, load, active, sub string) row {
	return row{Name: name, Load: load, Active: active, Sub: sub, Path: dbus.ObjectPath(unitPath(name)), JobPath: "/"}
}

var (
	errNoProperty = dbus.NewError("org.freedesktop.DBus.Error.UnknownProperty", []any{"Unknown property or interface."})
	errNoService  = dbus.NewError("org.freedesktop.DBus.Error.ServiceUnknown", []any{"The name is not activatable"})
)

// fakeSystemd answers as systemd does: lists of units, and properties by
// "unit property". Every list is the whole of rows.
func fakeSystemd(rows []row, properties map[string]any) bustest.Answer {
	byPath := map[string]string{systemdPath: "manager", "/org/freedesktop/login1/session/c1": "session"} // c2 has just ended
	for _, r := range rows {
		byPath[string(r.Path)] = r.Name
	}
	return func(c bustest.Call) ([]any, error) {
		switch c.Method {
		case "ListUnits", "ListUnitsByNames", "ListUnitsByPatterns":
			return []any{rows}, nil
		case "ListSeats":
			return []any{[]struct {
				Name string
				Path dbus.ObjectPath
			}{{"seat0", "/org/freedesktop/login1/seat/seat0"}}}, nil
		case "ListSessions":
			return []any{[]struct {
				ID   string
				UID  uint32
				User string
				Seat string
				Path dbus.ObjectPath
			}{{"c1", 0, "root", "seat0", "/org/freedesktop/login1/session/c1"}, {"c2", 0, "root", "", "/org/freedesktop/login1/session/c2"}}}, nil
		case "Get":
			if v, ok := properties[byPath[c.Path]+" "+c.Args[1].(string)]; ok {
				return []any{dbus.MakeVariant(v)}, nil
			}
			return nil, errNoProperty
		}
		return nil, fmt.Errorf("no method %s", c.Method)
	}
}

// wholeSystemd has something to say of each of our families.
func wholeSystemd() bustest.Answer {
	return fakeSystemd([]row{
		rowOf("db.service", "loaded", "active", "running"), rowOf("job.timer", "loaded", "active", "waiting"),
		rowOf("hung.timer", "loaded", "active", "running"), rowOf("in.socket", "loaded", "active", "listening"),
	}, map[string]any{
		"manager SystemState": "running", "manager NFailedUnits": uint32(0), "manager Version": "252.39-1~deb12u2", "manager Virtualization": "",
		"db.service Type": "oneshot", "db.service Result": "success", "db.service NRestarts": uint32(1), "db.service ControlGroup": "/system.slice/db.service",
		"db.service ActiveEnterTimestamp": uint64(1), "db.service ActiveState": "inactive",
		"job.timer Unit": "db.service", "job.timer LastTriggerUSec": uint64(1767225600000000), "job.timer NextElapseUSecRealtime": uint64(1767229200000000),
		"hung.timer Unit": "db.service", "hung.timer LastTriggerUSec": uint64(1767225600000000), "hung.timer NextElapseUSecMonotonic": uint64(unset),
		"in.socket NAccepted": uint32(4), "in.socket NConnections": uint32(1), "in.socket NRefused": uint32(2),
		"session Remote": false, "session Type": "unheard-of", "session Class": "user",
	})
}

func TestBus_conformance(t *testing.T) {
	path, root := bustest.Serve(t, wholeSystemd()), write(t, cgroupFiles["v2"])
	for _, name := range busCollectors {
		t.Run(name, func(t *testing.T) {
			collectortest.Run(t, func(t testing.TB) frame.Collector { return onBus(t, name, path, root, "*") })
			c := onBus(t, name, path, root, "*")
			sent := run(t, c, 5*time.Second).samples
			for _, f := range c.Families() {
				optional := f == systemdStarted || f == systemdTasks || f == systemdTasksMax || f == systemdRestarts
				if !optional && !slices.ContainsFunc(slices.Collect(maps.Keys(sent)), func(s string) bool {
					return s == f.Name || strings.HasPrefix(s, f.Name+"{")
				}) {
					t.Errorf("nothing was sent of %s", f.Name)
				}
			}
			if n := sent[`node_logind_sessions{class="user",remote="false",seat="seat0",type="other"}`]; name == "logind" && n != 1 {
				t.Errorf("%v sessions of a type that has come since", n)
			}
		})
	}
}

// An older systemd lacks properties, a unit goes between list and question:
// what is not known is absent, and that is no failure.
func TestBus_whatIsNotKnownIsAbsent(t *testing.T) {
	rows := []row{
		rowOf("a.service", "loaded", "active", "running"), rowOf("b.timer", "loaded", "active", "waiting"), rowOf("c.socket", "loaded", "active", "listening"),
		rowOf("d.service", "loaded", "maintenance", "x"), rowOf("e.service", "not-found", "inactive", "dead"),
	}
	path := bustest.Serve(t, fakeSystemd(rows, map[string]any{"manager SystemState": "unheard-of", "manager Version": "git"}))
	r := run(t, onBus(t, "units", path, t.TempDir(), "*"), 5*time.Second)
	if r.reason != "" {
		t.Errorf("%s: %s", r.reason, r.err)
	}
	for series, v := range r.samples {
		if v != 0 && !slices.Contains([]string{
			`tocsin_host_systemd_state{state="other"}`, `tocsin_host_unit_state{brick="",state="active",unit="a.service"}`,
			`tocsin_host_unit_state{brick="",state="active",unit="b.timer"}`, `tocsin_host_unit_state{brick="",state="active",unit="c.socket"}`,
			`tocsin_host_unit_state{brick="",state="other",unit="d.service"}`, `tocsin_host_unit_state{brick="",state="missing",unit="e.service"}`,
		}, series) && !strings.HasPrefix(series, "tocsin_host_unit_failure_info") {
			t.Errorf("%s is %v", series, v)
		}
		if !strings.Contains(series, "_state{") && !strings.Contains(series, "_failure_info{") {
			t.Errorf("%s is %v: nobody said so", series, v)
		}
	}
	r = run(t, onBus(t, "systemd", path, t.TempDir()), 5*time.Second)
	if r.reason != "" {
		t.Errorf("%s: %s", r.reason, r.err)
	}
	wantSamples(t, r, map[string]float64{
		`node_systemd_unit_state{name="a.service",state="active",type=""}`:   1,
		`node_systemd_unit_state{name="e.service",state="inactive",type=""}`: -1, // not loaded
		`node_systemd_units{state="maintenance"}`:                            1,
		`node_systemd_units{state="active"}`:                                 3,
		`node_systemd_virtualization_info{virtualization_type="unknown"}`:    1,
		`node_systemd_version{version="git"}`:                                -1,
		`node_systemd_timer_last_trigger_seconds{name="b.timer"}`:            -1,
		`node_systemd_socket_accepted_connections_total{name="c.socket"}`:    -1,
		`node_systemd_system_running`:                                        0,
	})
}

// Names that systemd does not give are left out and told; the others stay.
func TestBus_hostileNames(t *testing.T) {
	rows := []row{
		rowOf("good.service", "loaded", "failed", "failed"),
		rowOf(strings.Repeat("x", 4096)+".service", "loaded", "failed", "failed"),
		rowOf("none", "loaded", "failed", "failed"), rowOf("", "loaded", "failed", "failed"), rowOf("x.nonsense", "loaded", "failed", "failed"),
	}
	for _, name := range []string{"units", "systemd"} {
		path := bustest.Serve(t, fakeSystemd(rows, map[string]any{"manager SystemState": "degraded", "good.service Result": "weird <result>"}))
		r := run(t, onBus(t, name, path, t.TempDir(), "*"), 5*time.Second)
		wantFailure(t, r, frame.ReasonError, "4 of 5 units have names that systemd does not give")
		for series := range r.samples {
			if len(series) > 200 || strings.Contains(series, "<") {
				t.Errorf("%.300s", series)
			}
		}
		wantSamples(t, r, map[string]map[string]float64{
			"units": {
				`tocsin_host_unit_failure_info{result="other",unit="good.service"}`:   1,
				`tocsin_host_unit_state{brick="",state="failed",unit="good.service"}`: 1,
			},
			"systemd": {`node_systemd_unit_state{name="good.service",state="failed",type=""}`: 1},
		}[name])
	}
}

func TestUnitOf_refusesWhatIsNotUTF8(t *testing.T) {
	good := []any{"a.service", "\xff", "loaded", "active", "running", "", "/a", uint32(0), "", "/"}
	if _, ok := unitOf(good); !ok {
		t.Error("a description that is not UTF-8 costs the unit")
	}
	for i := range good {
		bad := slices.Clone(good)
		bad[i] = "\xff"
		if _, ok := unitOf(bad); ok && i != 1 && i < 7 {
			t.Errorf("column %d may be %q", i, bad[i])
		}
	}
	for _, bad := range []any{nil, "x", []any{}, good[:9], slices.Repeat([]any{uint32(1)}, 10)} {
		if _, ok := unitOf(bad); ok {
			t.Errorf("%v is a unit", bad)
		}
	}
}

// A pattern that fits two thousand units costs series for a bounded number of
// them, says so, and is quick.
func TestUnits_manyUnits(t *testing.T) {
	path := bustest.Serve(t, fakeSystemd(manyRows(2000), map[string]any{"manager SystemState": "running", "manager NFailedUnits": uint32(2000)}))
	r := run(t, onBus(t, "units", path, t.TempDir(), "*"), 20*time.Second)
	wantFailure(t, r, frame.ReasonError, "watched: 2000 units; the first 500 are told", "failed: 2000 units; the first 500 are told")
	wantSamples(t, r, map[string]float64{"tocsin_host_units_failed": 2000})
	if len(r.samples) > 500*(len(unitStates)+2)+len(systemStates)+1 {
		t.Errorf("%d series", len(r.samples))
	}
}

func manyRows(n int) []row {
	rows := make([]row, n)
	for i := range rows {
		rows[i] = rowOf(fmt.Sprintf("worker@%04d.service", i), "loaded", "active", "running")
	}
	return rows
}

// hanging are buses that accept and then never answer, at each step of the
// way.
var hanging = map[string]func(net.Conn){
	"says nothing": func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) },
	"greets": func(conn net.Conn) {
		in := bufio.NewReader(conn)
		bustest.Greet(conn, in)
		_, _ = io.Copy(io.Discard, in)
	},
}

func TestBus_thatHangsCostsTheCollectorAndNothingStays(t *testing.T) {
	for kind, hang := range hanging {
		path := bustest.Raw(t, hang)
		for _, name := range busCollectors {
			c := onBus(t, name, path, t.TempDir(), "a.service")
			wantFailure(t, run(t, c, 100*time.Millisecond), frame.ReasonTimeout)
			goroutines, files := runtime.NumGoroutine(), openFiles(t)
			for range 1000 / len(hanging) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				err := c.Collect(ctx, frame.NewSink(c.Families()))
				cancel()
				if frame.ReasonOf(err) != frame.ReasonTimeout {
					t.Fatalf("%s: a bus that %s: %v", name, kind, err)
				}
			}
			testenv.Eventually(t, 10*time.Second, "goroutines and files are as before", func(context.Context) error {
				if g, f := runtime.NumGoroutine(), openFiles(t); g > goroutines || f > files {
					return fmt.Errorf("%d goroutines were %d; %d files were %d", g, goroutines, f, files)
				}
				return nil
			})
			t.Logf("%s, a bus that %s: %d goroutines and %d files before and after", name, kind, goroutines, files)
		}
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

func TestBus_absent(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	elsewhere := bustest.Serve(t, func(bustest.Call) ([]any, error) { return nil, errNoService })
	closed := bustest.Raw(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, "REJECTED EXTERNAL\r\n")
		_, _ = io.Copy(io.Discard, conn)
	})
	for _, name := range busCollectors {
		for _, path := range []string{none, elsewhere} {
			if r := run(t, onBus(t, name, path, t.TempDir(), "a.service"), 5*time.Second); r.reason != "" || len(r.samples) > 0 {
				t.Errorf("%s, no systemd: %s: %s, %d samples", name, r.reason, r.err, len(r.samples))
			}
		}
		booted := write(t, map[string]string{"run/systemd/system/.keep": ""})
		wantFailure(t, run(t, onBus(t, name, none, booted), 5*time.Second), frame.ReasonUnreachable, "install or start dbus")
		wantFailure(t, run(t, onBus(t, name, closed, booted), 5*time.Second), frame.ReasonRefused)
	}
}

// A unit that a brick runs in is watched, and told with its name.
func TestUnits_ofABrick(t *testing.T) {
	path := bustest.Serve(t, fakeSystemd([]row{rowOf("wcs-a.service", "loaded", "failed", "failed"), rowOf("db.service", "loaded", "active", "running")}, map[string]any{
		"manager SystemState": "degraded", "wcs-a.service Type": "simple",
	}))
	cfg := Config{Root: t.TempDir(), Units: Units{OfBricks: []BrickUnit{{"wcs-*", "demarches"}}}}
	cfg.SetDefaults()
	cfg.Collectors.Only = []string{"units"}
	m := newMachine(cfg, fakeKernel(), discard())
	m.roots.bus = path
	wantSamples(t, run(t, find(t, plain(m.collectors()), "units"), 5*time.Second), map[string]float64{
		`tocsin_host_unit_state{brick="demarches",state="failed",unit="wcs-a.service"}`: 1,
		`tocsin_host_unit_state{brick="",state="active",unit="db.service"}`:             1,
	})
}
