//go:build linux

package host

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/testenv"
)

// siteUnits are the units of the systemd that tests boot: what a machine has
// that goes well and badly.
var siteUnits = map[string]string{
	"good.service": "[Service]\nExecStart=/bin/sleep infinity\n",
	"limited.service": "[Service]\nExecStart=/bin/sh -c 'head -c 8M /dev/zero >/run/ballast; exec sleep infinity'\n" +
		"MemoryMax=64M\nTasksMax=20\nCPUAccounting=yes\nIOAccounting=yes\n",
	"bad.service": "[Service]\nExecStart=/bin/false\n",
	// It fails twice, then stays.
	"flappy.service": "[Service]\nRestart=on-failure\nRestartSec=50ms\nExecStart=/bin/sh -c 'test -e /run/twice && exec sleep infinity; " +
		"test -e /run/once && touch /run/twice; touch /run/once; exit 1'\n",
	"stopped.service": "[Service]\nExecStart=/bin/sleep infinity\n",
	"job.service":     "[Service]\nType=oneshot\nExecStart=/bin/true\n",
	"job.timer":       "[Timer]\nOnActiveSec=10ms\nOnUnitInactiveSec=1h\n",
	"yearly.timer":    "[Timer]\nOnCalendar=yearly\nUnit=job.service\n",
	"badjob.service":  "[Service]\nType=oneshot\nExecStart=/bin/false\n",
	"badjob.timer":    "[Timer]\nOnActiveSec=10ms\nOnUnitInactiveSec=1h\n",
	"hung.service":    "[Service]\nType=oneshot\nExecStart=/bin/sleep infinity\n",
	"hung.timer":      "[Timer]\nOnActiveSec=10ms\nOnUnitInactiveSec=1h\n",
	"daemon.service":  "[Service]\nExecStart=/bin/sleep infinity\n",
	"daemon.timer":    "[Timer]\nOnActiveSec=10ms\n",
	"spool.socket":    "[Socket]\nListenStream=/run/spool.sock\nAccept=yes\n",
	"spool@.service":  "[Service]\nStandardInput=socket\nExecStart=/bin/cat\n",
	"odd@.service":    "[Service]\nExecStart=/bin/sleep infinity\n",
	"broken.service":  "[Service]\nType=simple\n", // with nothing to run: systemd does not load it
	"unmet.service":   "[Unit]\nConditionPathExists=/nonexistent\n[Service]\nExecStart=/bin/true\n",
}

// watchedUnits is what the site file names in these tests.
var watchedUnits = []string{
	"good", "limited.service", "bad", "flappy", "stopped", "job.service", "hung.service", "nowhere.service", "odd@*.service",
	"spool.socket", "unmet", "broken",
}

const oddUnit = `odd@a\x2db:c.service`

// site boots a systemd with siteUnits, all started, and waits until they are
// at rest.
func site(t *testing.T, version testenv.Cgroups) *testenv.Machine {
	t.Helper()
	m := testenv.Systemd(t, version, siteUnits)
	m.Systemctl(t, "start", "--no-block", "good", "limited", "bad", "flappy", oddUnit, "spool.socket", "unmet",
		"job.timer", "yearly.timer", "badjob.timer", "hung.timer", "daemon.timer")
	testenv.Eventually(t, 30*time.Second, "the units are at rest", func(context.Context) error {
		for unit, want := range map[string]string{
			"good.service": "active", "limited.service": "active", "bad.service": "failed", "flappy.service": "active",
			oddUnit: "active", "badjob.service": "failed", "hung.service": "activating", "daemon.service": "active",
		} {
			if is := m.Show(t, unit)["ActiveState"]; is != want {
				return fmt.Errorf("%s is %s", unit, is)
			}
		}
		if m.Show(t, "job.timer")["LastTriggerUSec"] == "" || m.Show(t, "job.service")["ActiveState"] != "inactive" {
			return errors.New("the job has not run")
		}
		if _, err := os.Stat(filepath.Join(m.Root, "run/ballast")); err != nil {
			return err
		}
		return nil
	})
	return m
}

// collectorOf makes a collector that looks at the machine.
func collectorOf(t testing.TB, m *testenv.Machine, name string, change func(*Config)) frame.Collector {
	t.Helper()
	cfg := Config{Root: m.Root, Sys: filepath.Join(m.Root, "sys")}
	cfg.SetDefaults()
	cfg.Collectors.Only = []string{name}
	cfg.Units.Watch = watchedUnits
	if change != nil {
		change(&cfg)
	}
	return find(t, plain(New(cfg, discard())), name)
}

func TestUnits_asSystemctlShows(t *testing.T) {
	for _, version := range []testenv.Cgroups{testenv.CgroupsV1, testenv.CgroupsV2} {
		t.Run(string(version), func(t *testing.T) {
			m := site(t, version)
			c := collectorOf(t, m, "units", nil)
			first := run(t, c, 10*time.Second)
			if first.reason != "" {
				t.Errorf("the run failed: %s: %s", first.reason, first.err)
			}
			wantSamples(t, first, siteSamples)
			// What systemd knows, we say, and the same. What moves is looked at again.
			compared := map[string]int{}
			testenv.Eventually(t, 20*time.Second, "the figures are systemctl's", func(context.Context) error {
				clear(compared)
				samples := run(t, c, 10*time.Second).samples
				var errs []error
				for _, unit := range []string{"good.service", "limited.service", "flappy.service", oddUnit, "hung.service", "stopped.service"} {
					errs = append(errs, compareWithShow(samples, unit, m.Show(t, unit), compared))
				}
				return errors.Join(errs...)
			})
			t.Logf("compared, by property: %v", compared)
			for _, timer := range []string{"job.timer", "badjob.timer", "hung.timer", "daemon.timer", "yearly.timer"} {
				if err := compareTimer(first.samples, timer, m.Show(t, timer)); err != nil {
					t.Error(err)
				}
			}
			for _, property := range []string{"NRestarts", "ActiveEnterTimestamp"} {
				if compared[property] == 0 {
					t.Errorf("systemctl shows no %s to compare with", property)
				}
			}
		})
	}
}

// siteSamples are what is known beforehand of the machine of site; -1 is a
// series that must not be there.
var siteSamples = map[string]float64{
	`tocsin_host_systemd_state{state="degraded"}`:                                       1,
	`tocsin_host_systemd_state{state="running"}`:                                        0,
	`tocsin_host_units_failed`:                                                          2,
	`tocsin_host_unit_failure_info{result="exit-code",unit="bad.service"}`:              1,
	`tocsin_host_unit_failure_info{result="exit-code",unit="badjob.service"}`:           1,
	`tocsin_host_unit_state{brick="",state="active",unit="good.service"}`:               1,
	`tocsin_host_unit_state{brick="",state="failed",unit="good.service"}`:               0,
	`tocsin_host_unit_state{brick="",state="active",unit="odd@a\\x2db:c.service"}`:      1,
	`tocsin_host_unit_state{brick="",state="failed",unit="bad.service"}`:                1,
	`tocsin_host_unit_state{brick="",state="failed",unit="badjob.service"}`:             -1, // failed, not watched
	`tocsin_host_unit_state{brick="",state="inactive",unit="stopped.service"}`:          1,
	`tocsin_host_unit_state{brick="",state="inactive",unit="unmet.service"}`:            1,
	`tocsin_host_unit_state{brick="",state="inactive",unit="broken.service"}`:           1,
	`tocsin_host_unit_state{brick="",state="idle",unit="job.service"}`:                  1,
	`tocsin_host_unit_state{brick="",state="active",unit="hung.service"}`:               1,
	`tocsin_host_unit_state{brick="",state="missing",unit="nowhere.service"}`:           1,
	`tocsin_host_unit_state{brick="",state="active",unit="spool.socket"}`:               1,
	`tocsin_host_unit_restarts_total{unit="flappy.service"}`:                            2,
	`tocsin_host_unit_restarts_total{unit="spool.socket"}`:                              -1,
	`tocsin_host_unit_start_timestamp_seconds{unit="bad.service"}`:                      -1,
	`tocsin_host_timer_last_run_success{triggers="job.service",unit="job.timer"}`:       1,
	`tocsin_host_timer_last_run_success{triggers="badjob.service",unit="badjob.timer"}`: 0,
	`tocsin_host_timer_last_run_success{triggers="hung.service",unit="hung.timer"}`:     -1,
	`tocsin_host_timer_last_run_success{triggers="job.service",unit="yearly.timer"}`:    -1,
	`tocsin_host_timer_last_trigger_timestamp_seconds{unit="yearly.timer"}`:             -1,
	`tocsin_host_timer_next_trigger_timestamp_seconds{unit="hung.timer"}`:               -1,
	`tocsin_host_timer_run_start_timestamp_seconds{unit="daemon.timer"}`:                -1,
	`tocsin_host_timer_run_start_timestamp_seconds{unit="job.timer"}`:                   -1,
}

// shown are systemctl's properties and our names for them.
var shown = map[string]struct {
	name  string
	scale float64
}{
	"NRestarts":     {"tocsin_host_unit_restarts_total", 1},
	"CPUUsageNSec":  {"tocsin_host_unit_cpu_seconds_total", nano},
	"MemoryCurrent": {"tocsin_host_unit_memory_bytes", 1},
	"TasksCurrent":  {"tocsin_host_unit_tasks", 1},
	"IOReadBytes":   {"tocsin_host_unit_read_bytes_total", 1},
	"IOWriteBytes":  {"tocsin_host_unit_written_bytes_total", 1},
}

// limits are those that systemctl shows even where their controller is not on:
// then we have none.
var limits = map[string]struct{ name, needs string }{
	"MemoryMax": {"tocsin_host_unit_memory_limit_bytes", "MemoryCurrent"},
	"TasksMax":  {"tocsin_host_unit_tasks_limit", "TasksCurrent"},
}

func isSet(value string) bool {
	return value != "" && value != "[not set]" && value != "infinity" && value != strconv.FormatUint(unset, 10)
}

func compareWithShow(samples map[string]float64, unit string, show map[string]string, compared map[string]int) error {
	var errs []error
	check := func(property, name string, scale float64) {
		want, err := strconv.ParseFloat(show[property], 64)
		got, ok := samples[name+"{unit="+strconv.Quote(unit)+"}"]
		if compared[property]++; err != nil || !ok || math.Abs(got-want/scale) > 1e-6*math.Abs(got) {
			errs = append(errs, fmt.Errorf("%s of %s is %v (%t), systemctl shows %s", name, unit, got, ok, show[property]))
		}
	}
	for property, ours := range shown {
		if isSet(show[property]) {
			check(property, ours.name, ours.scale)
		}
	}
	for property, ours := range limits {
		switch _, there := samples[ours.name+"{unit="+strconv.Quote(unit)+"}"]; {
		case isSet(show[property]) && isSet(show[ours.needs]):
			check(property, ours.name, 1)
		case there:
			errs = append(errs, fmt.Errorf("%s of %s is there; systemctl shows %s", ours.name, unit, show[property]))
		}
	}
	started, running := samples["tocsin_host_unit_start_timestamp_seconds{unit="+strconv.Quote(unit)+"}"]
	if running != (show["ActiveState"] == "active") || running && shownTime(show["ActiveEnterTimestamp"]) != started {
		errs = append(errs, fmt.Errorf("%s was started at %v (%t), systemctl shows %s", unit, started, running, show["ActiveEnterTimestamp"]))
	}
	if running {
		compared["ActiveEnterTimestamp"]++
	}
	return errors.Join(errs...)
}

// shownTime reads a time as systemctl writes it with --timestamp=us+utc, in
// some places without the microseconds; 0 where there is none.
func shownTime(s string) float64 {
	at, err := time.Parse("Mon 2006-01-02 15:04:05 MST", s)
	if err != nil {
		return 0
	}
	return float64(at.UnixMicro()) / micro
}

func compareTimer(samples map[string]float64, timer string, show map[string]string) error {
	get := func(name string) float64 {
		return samples["tocsin_host_timer_"+name+"_timestamp_seconds{unit="+strconv.Quote(timer)+"}"]
	}
	last := shownTime(show["LastTriggerUSec"])
	if got := get("last_trigger"); math.Floor(got) != last {
		return fmt.Errorf("%s last rang at %v, systemctl shows %s", timer, got, show["LastTriggerUSec"])
	}
	next := shownTime(show["NextElapseUSecRealtime"])
	if next == 0 && show["SubState"] == "waiting" {
		next = last + time.Hour.Seconds() // what its OnUnitInactiveSec says
	}
	if got := get("next_trigger"); math.Abs(got-next) > 60 { // systemd may put it off by AccuracySec
		return fmt.Errorf("%s rings at %v, want %v", timer, got, next)
	}
	running := 0.0
	if timer == "hung.timer" {
		running = last
	}
	if got := get("run_start"); math.Floor(got) != running {
		return fmt.Errorf("%s runs since %v, want %v", timer, got, running)
	}
	return nil
}

// BenchmarkSystemd_twoThousandUnits asks a systemd that has two thousand
// services, twenty of which are watched, and tells our own share and that of
// its systemd and its bus.
func BenchmarkSystemd_twoThousandUnits(b *testing.B) {
	m := testenv.Systemd(b, testenv.CgroupsV1, map[string]string{
		"nop@.service":  "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStop=/bin/true\n", // its start forks nothing
		"work@.service": "[Service]\nExecStart=/bin/sleep infinity\nMemoryMax=64M\n",
	})
	start := []string{"start"}
	for i := range 2000 {
		start = append(start, fmt.Sprintf("nop@%04d.service", i))
	}
	for i := range 20 {
		start = append(start, fmt.Sprintf("work@%02d.service", i))
	}
	m.Systemctl(b, start...)
	for _, name := range []string{"units", "systemd", "logind"} {
		b.Run(name, func(b *testing.B) {
			c := collectorOf(b, m, name, func(cfg *Config) { cfg.Units.Watch = []string{"work@*.service"} })
			before, beforeTheirs := testenv.CPU(b, os.Getpid()), testenv.CPU(b, m.PID())
			for b.Loop() {
				if err := c.Collect(b.Context(), frame.NewSink(c.Families())); err != nil && !errors.Is(err, frame.ErrNoData) {
					b.Fatal(err)
				}
			}
			b.ReportMetric((testenv.CPU(b, os.Getpid())-before).Seconds()*1000/float64(b.N), "cpu-ms/scrape")
			b.ReportMetric((testenv.CPU(b, m.PID())-beforeTheirs).Seconds()*1000/float64(b.N), "systemd-cpu-ms/scrape")
		})
	}
}
