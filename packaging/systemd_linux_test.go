package packaging

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"tocsin/internal/testenv"
)

// TestUnit_runsUnderSystemd has a real systemd start the unit as it is: the
// program comes up as its own user, and from inside reaches the bus that tells
// it of the machine's units.
func TestUnit_runsUnderSystemd(t *testing.T) {
	testenv.Root(t, "boots a systemd")
	const program = "/opt/tocsin"
	text, err := os.ReadFile(variant(t, map[string]string{
		"ExecStart": program + " run", "User": "nobody", "Group": "nogroup", // who exist there
	}))
	if err != nil {
		t.Fatal(err)
	}
	m := testenv.Systemd(t, testenv.CgroupsV2, map[string]string{
		unitFile:      string(text),
		"bad.service": "[Service]\nExecStart=/bin/false\n",
	})
	install(t, build(t), filepath.Join(m.Root, program))
	m.Systemctl(t, "start", "--no-block", "bad.service")
	m.Systemctl(t, "start", unitFile) // returns when the program has said that it is ready

	client := &http.Client{Transport: &http.Transport{DialContext: m.Dial}}
	t.Cleanup(client.CloseIdleConnections)
	page := scrape(t, client, "http://127.0.0.1:10617/metrics").Page
	for series, want := range map[string]float64{
		`tocsin_collector_success{collector="units"}`:                          1,
		`tocsin_host_units_failed{}`:                                           1,
		`tocsin_host_unit_failure_info{result="exit-code",unit="bad.service"}`: 1,
	} {
		if got, ok := page[series]; !ok || got != want {
			t.Errorf("%s is %v (%t), want %v", series, got, ok, want)
		}
	}
	if user := m.Show(t, unitFile)["User"]; user != "nobody" {
		t.Errorf("it runs as %s", user)
	}
}

func install(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}
