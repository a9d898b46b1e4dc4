package backups

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestZFS(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"autosnap_2026-11-27_00:00:01_daily":              "2026-11-26T23:00:01Z",
		"autosnap_2026-07-01_12:15:09_hourly":             "2026-07-01T10:15:09Z",
		"zfs-auto-snap_daily-2026-11-27-0625":             "2026-11-27T05:25:00Z",
		"pyznap_2026-11-27_10:00:00_hourly":               "2026-11-27T09:00:00Z",
		"zrepl_20261127_001500_000":                       "2026-11-26T23:15:00Z",
		"syncoid_nas_2026-11-27:00:15:02-GMT01:00":        "2026-11-26T23:15:02Z",
		"backup-20261127":                                 "2026-11-26T23:00:00Z",
		"2026-11-27":                                      "2026-11-26T23:00:00Z",
		"GMT-2026.11.27":                                  "",
		"12345678-2026-11-27":                             "2026-11-26T23:00:00Z",
		"before-upgrade":                                  "",
		"2026-02-30":                                      "",
		"2026-1127":                                       "",
		"9999-12-31":                                      "",
		"20261127_999999":                                 "2026-11-26T23:00:00Z",
		"v2026-11-27 14.30":                               "2026-11-27T13:30:00Z",
		strings.Repeat("0", 300):                          "",
		"autosnap_2026-10-25_02:30:00_twice-in-this-zone": "2026-10-25T01:30:00Z",
	} {
		at, ok := parseSnapshot(name, paris)
		if got := at.UTC().Format(time.RFC3339); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %s %t, want %s", name, got, ok, want)
		}
	}
	dir := t.TempDir()
	for _, name := range []string{"autosnap_2026-11-26_00:00:01_daily", "autosnap_2026-11-27_00:00:01_daily", "manual_2026-11-27_11:00:00", "autosnap_odd"} {
		if err := os.MkdirAll(filepath.Join(dir, ".zfs", "snapshot", name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	list := List{{Name: "z", Source: Source{Snapshots: dir, Prefix: "autosnap_", InUTC: true}, MaxAge: hours(26)}}
	got, lookErr := page(t, list)
	if lookErr != nil {
		t.Error(lookErr)
	}
	has(t, got, `existing{backup="z",level="any",place="local"} 2`, `newest_timestamp_seconds{backup="z",level="any",place="local"} `+fmt.Sprint(float64(time.Date(2026, 11, 27, 0, 0, 1, 0, time.UTC).Unix())), `!size`)
	list[0].Prefix = "autosnap_o"
	if _, err := page(t, list); err == nil || !strings.Contains(err.Error(), "has a date in its name; name them as") {
		t.Errorf("snapshots without dates: %v", err)
	}
}

func TestStamp(t *testing.T) {
	dir := t.TempDir()
	for content, want := range map[string]string{
		"":                             "2026-11-26T12:00:00Z", // when it was touched
		" \n":                          "2026-11-26T12:00:00Z",
		"2026-11-25T03:04:05+01:00\n":  "2026-11-25T02:04:05Z",
		"2026-11-25T03:04:05.123456Z":  "2026-11-25T03:04:05Z",
		"1795000000\n":                 "2026-11-18T11:06:40Z",
		"1795000000.25":                "2026-11-18T11:06:40Z",
		"Fri Nov 27 00:25:01 UTC 2026": "", "2026-11-2": "", "0": "", "-5": "", "1e9": "", "1795000000000": "", "99999999999999999999": "",
		"1795000000.": "2026-11-18T11:06:40Z", "1795000000.x": "", "0001-01-01T00:00:00Z": "", "\x00": "", "FAILED": "",
	} {
		put(t, dir+"/s", content, day)
		at, err := stamp{dir + "/s"}.read()
		if got := at.UTC().Format(time.RFC3339); (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%q: %s, %v; want %s", content, got, err, want)
		}
		if err != nil && (explained(err).reason != reasonForm || strings.Contains(content, "FAILED") && strings.Contains(err.Error(), "FAILED")) {
			t.Errorf("%q: %v", content, err)
		}
	}
	list := List{{Name: "s", Source: Source{Stamp: dir + "/s"}, MaxAge: hours(26)}}
	put(t, dir+"/s", "2027-01-01T00:00:00Z", day)
	got, _ := page(t, list)
	has(t, got, `failure_info{backup="s",place="local",reason="future"} 1`, `!newest`, `!existing`)
	if err := os.Remove(dir + "/s"); err != nil {
		t.Fatal(err)
	}
	got, err := page(t, list)
	has(t, got, `failure_info{backup="s",place="local",reason="none"} 1`, `readable{backup="s",place="local"} 1`)
	if err != nil {
		t.Errorf("a stamp that was never written is no error: %v", err)
	}
}
