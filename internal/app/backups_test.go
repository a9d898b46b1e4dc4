package app

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A backup that is too old is on this machine's page, and rings; a place that
// is not there says what to do about it, and leaves nothing on the page; a
// reload with another promise is in force at once.
func TestBackups_fromTheFileToTheAlert(t *testing.T) {
	t.Parallel() // it waits most of the time
	dir := t.TempDir()
	dump := filepath.Join(dir, "main.dump")
	if err := os.WriteFile(dump, []byte("dump"), 0o600); err != nil {
		t.Fatal(err)
	}
	made := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(dump, made, made); err != nil {
		t.Fatal(err)
	}
	site := `
intervals: {node: 1s}
alerts: {rules: {BackupTooOld: {for: 1s}, BackupUnreadable: {for: 1s}, BackupUncovered: {for: 1s}, CollectorFailing: {for: 1s}}}
postgres: [{name: main, dsn: host=/run/postgresql}, {name: forgotten, dsn: host=/run/other}]
backups:
  - {name: dumps, files: %[1]s/*.dump, max_age: %[2]s, covers: [postgres/main]}
  - {name: away, restic: %[1]s/gone, max_age: 1d}
`
	in := newInstance(t, "hub", fmt.Sprintf(site, dir, "1h"))
	in.start()
	page := func() string { return in.get("/metrics") }
	eventually(t, 20*time.Second, "the page has the backups", page, func() bool {
		return contains(page(), fmt.Sprintf("tocsin_backup_newest_timestamp_seconds{backup=\"dumps\",level=\"any\",place=\"local\"} %v\n", float64(made.Unix())),
			`tocsin_backup_readable{backup="away",place="local"} 0`, `tocsin_backup_failure_info{backup="away",place="local",reason="missing"} 1`)
	})
	if contains(page(), `tocsin_backup_newest_timestamp_seconds{backup="away"`) {
		t.Errorf("a place that is not there has a newest backup:\n%s", page())
	}
	if text := in.get("/"); !contains(text, "backup away at local", "mount it, or correct the path in the site file") {
		t.Errorf("the status page does not say what to do:\n%s", text)
	}
	alerts := func() string { return in.get("/api/v1/alerts") }
	eventually(t, 40*time.Second, "the rules ring", alerts, func() bool {
		return contains(alerts(), "Backup dumps at local is too old: the newest one was made 2h ago", "Backup away at local cannot be looked at: the folder is not there", ":forgotten")
	})
	if text := alerts(); contains(text, `"CollectorFailing"`) || contains(text, "No backup covers postgres/"+hostname(t)+":main") {
		t.Errorf("too much rings:\n%s", text)
	}
	in.write(fmt.Sprintf(site, dir, "3h"))
	if err := in.process.Signal(hangup); err != nil {
		t.Fatal(err)
	}
	eventually(t, 40*time.Second, "it ends with another promise", alerts, func() bool {
		return !contains(alerts(), `"BackupTooOld"`) && contains(alerts(), `"BackupUnreadable"`)
	})
}

func hostname(t *testing.T) string {
	t.Helper()
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return name
}
