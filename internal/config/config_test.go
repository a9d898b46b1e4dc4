package config

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func testMachine() machine {
	return machine{hostname: "guet", getenv: func(string) string { return "" }, home: os.TempDir()}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// loadText loads a site file with this text, and other files beside it: their
// names and contents in turn.
func loadText(t *testing.T, text string, others ...string) (*Site, error) {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(others); i += 2 {
		write(t, filepath.Join(dir, others[i]), others[i+1])
	}
	write(t, filepath.Join(dir, "tocsin.yml"), text)
	return load(filepath.Join(dir, "tocsin.yml"), Flags{}, testMachine())
}

// certificate makes a certificate and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}))
}

func TestLoad_goodFiles(t *testing.T) {
	for name, text := range map[string]string{
		"empty":             "",
		"comments":          "# nothing yet\n",
		"sections begun":    "alerts:\nprobes:\nhosts:\nengine:\nlabels:\nweb: {}\n",
		"engine off":        "engine: off\n",
		"engine on":         "engine: on\n",
		"a name for a host": "hosts: [db1, db2.ville.example, 10.0.0.3, \"10.0.0.4:9\", \"[2001:db8::1]:9\", \"2001:db8::2\"]\n",
		"listens for all":   "listen: :10617\n",
		"listens on IPv6":   "listen: \"[::1]:10617\"\n",
		"any free port":     "listen: 127.0.0.1:0\n",
		"tls by a word":     "hosts: [{address: db1, tls: true}, {address: db2, tls: false}]\n",
		"dsn by words":      "postgres: [{name: a, dsn: host=/run/postgresql dbname=postgres}]\n",
		"webhook":           "alerts: {mattermost: {webhook_url: https://chat.example/hooks/abc}}\n",
		"zone of machine":   "timezone: Local\n",
		"two bricks":        "bricks: [{kind: website, url: https://a.example}, {kind: website, name: b, url: https://b.example, needs: [brick/website]}]\n",
		"probe":             "probes: [https://a.example, {target: http://b.example/x, on: guet}]\n",
		"one override":      "alerts: {rules: {HostDiskFull: {threshold: 0.9}}}\n",
		"a collector off":   "host: {collectors: {off: [timex, units]}}\n", // rules name what they measure
		"an anchor":         "hosts:\n  - &h {address: a, labels: {level: x}}\n  - {<<: *h, address: b}\n",
	} {
		t.Run(name, func(t *testing.T) {
			site, err := loadText(t, text)
			if err != nil {
				t.Fatal(err)
			}
			if len(site.Warnings()) > 0 {
				t.Errorf("warnings: %q", site.Warnings())
			}
		})
	}
}

func TestLoad_noFile(t *testing.T) {
	site, err := load("", Flags{}, testMachine())
	if err != nil {
		t.Fatal(err)
	}
	if site.Site != "guet" || site.Listen != "127.0.0.1:10617" || site.Language != "en" || site.Engine.Off ||
		site.Engine.Retention.String() != "100d" || site.Summary() != "this machine (guet)" || site.File() != "" {
		t.Errorf("defaults: %+v", site)
	}
	if len(site.Unwatched()) > 0 || len(Outgoing(site)) > 0 {
		t.Errorf("not watched %q, outgoing %v", site.Unwatched(), Outgoing(site))
	}
}

func TestLoad_flagsWin(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tocsin.yml")
	write(t, path, "listen: nonsense\ndata_dir: /dev/null\n")
	site, err := load(path, Flags{DataDir: dir, Listen: "127.0.0.1:0"}, testMachine())
	if err != nil {
		t.Fatal(err)
	}
	if site.DataDir != dir || site.Listen != "127.0.0.1:0" {
		t.Errorf("data_dir %s, listen %s", site.DataDir, site.Listen)
	}
	if _, err := load(path, Flags{DataDir: dir, Listen: "x"}, testMachine()); err == nil {
		t.Error("a wrong flag was taken")
	}
}

func TestDataDir(t *testing.T) {
	for _, tt := range []struct{ state, xdg, home, want string }{
		{"/var/lib/tocsin", "/x", "/home/a", "/var/lib/tocsin"},
		{"/var/lib/tocsin:/var/lib/other", "", "/home/a", "/var/lib/tocsin"},
		{"", "/home/a/state", "/home/a", "/home/a/state/tocsin"},
		{"", "relative", "/home/a", "/home/a/.local/state/tocsin"},
		{"", "", "/home/a", "/home/a/.local/state/tocsin"},
		{"", "", "", "/var/lib/tocsin"},
	} {
		m := machine{home: tt.home, getenv: func(name string) string {
			return map[string]string{"STATE_DIRECTORY": tt.state, "XDG_STATE_HOME": tt.xdg}[name]
		}}
		if got := m.dataDir(); got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}

// Paths of files are relative to the site file, not to where one stands.
func TestLoad_filesBesideTheSiteFile(t *testing.T) {
	site, err := loadText(t, "hosts: [{address: a, username: u, password_file: secrets/a}]\n"+
		"probes: [{target: https://a.example, headers_file: {X-Key: secrets/a}}]\n", "secrets/a", "marker-hunter2\n")
	if err != nil {
		t.Fatal(err)
	}
	got, err := site.Hosts[0].Secret().Read()
	if err != nil || got.Reveal() != "marker-hunter2" {
		t.Errorf("%v, %v", err, site.Hosts[0].PasswordFile)
	}
	if file := site.Probes[0].HTTP.HeadersFile["X-Key"]; !filepath.IsAbs(file) {
		t.Errorf("the header's file is still %s", file)
	}
}

func TestLoad_siteIntervalsReachProbes(t *testing.T) {
	site, err := loadText(t, "intervals: {probe: 2m, probe_retry: 10s}\nprobes: [https://a.example, {target: https://b.example, interval: 20s}]\n")
	if err != nil {
		t.Fatal(err)
	}
	got := []string{
		site.Probes[0].Interval.String(), site.Probes[0].RetryInterval.String(),
		site.Probes[1].Interval.String(), site.Probes[1].RetryInterval.String(),
	}
	if diff := cmp.Diff([]string{"2m", "10s", "20s", "10s"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestLoad_warnings(t *testing.T) {
	site, err := loadText(t, "hosts: [app1.ville.example]\nprobes: [{target: https://a.example, on: app1}, {target: https://b.example, on: other}]\n"+
		"alerts: {heartbeat: {url_file: open}}\n", "open", "https://h.example/x")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(filepath.Dir(site.File()), "open"), 0o644); err != nil {
		t.Fatal(err)
	}
	if site, err = load(site.File(), Flags{}, testMachine()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(filepath.Dir(site.File()), "open")
	want := []string{
		site.File() + ":3: alerts.heartbeat.url_file: " + file + " can be read by every user of this machine; chmod o-r " + file,
		site.File() + `:2: probes[0].on: "app1" is no host that is watched, so that its trouble does not explain this one's; did you mean app1.ville.example?`,
		site.File() + `:2: probes[1].on: "other" is no host that is watched, so that its trouble does not explain this one's; write it under hosts, or the name as it stands there`,
	}
	if diff := cmp.Diff(want, site.Warnings()); diff != "" {
		t.Error(diff)
	}
}

func TestFingerprint_changesWithWhatAReloadApplies(t *testing.T) {
	path := installed(t)
	dir := filepath.Dir(path)
	now := func() string {
		t.Helper()
		site, err := load(path, Flags{}, testMachine())
		if err != nil {
			t.Fatal(err)
		}
		return site.Fingerprint()
	}
	first := now()
	if again := now(); again != first {
		t.Error("the same configuration has two fingerprints")
	}
	write(t, filepath.Join(dir, "mattermost"), "marker-renewed")
	if now() != first {
		t.Error("a renewed secret asks for a reload, although it is read again at every use")
	}
	authority, _ := certificate(t)
	for name, content := range map[string]string{
		"ca.pem":         authority,
		"kinds/own.yml":  "kind: own\nrequests: {ping: {path: /ping}}\nhealth: {jq: .ping.body.well}\n",
		"rules/mine.yml": "groups:\n  - name: mine\n    rules:\n      - {alert: QueueLong, expr: myapp_queue > 6, labels: {severity: warning}, annotations: {summary: a, description: b}}\n",
	} {
		before := now()
		write(t, filepath.Join(dir, name), content)
		if now() == before {
			t.Errorf("a changed %s is not seen", name)
		}
	}
}

// What config show prints can be loaded again, and is then in effect as it was.
func TestShow_canBeLoadedAgain(t *testing.T) {
	path := installed(t)
	site, err := load(path, Flags{}, testMachine())
	if err != nil {
		t.Fatal(err)
	}
	var first, second bytes.Buffer
	if err := Show(&first, site); err != nil {
		t.Fatal(err)
	}
	write(t, path, first.String())
	again, err := load(path, Flags{}, testMachine())
	if err != nil {
		t.Fatalf("%v\n%s", err, first.String())
	}
	if err := Show(&second, again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first.String(), second.String()); diff != "" {
		t.Error(diff)
	}
}

// What is not there is not shown, defaults or no.
func TestShow_noVoices(t *testing.T) {
	site, err := loadText(t, "site: seule\n")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Show(&out, site); err != nil || strings.Contains(out.String(), "alerts:") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// A marker stands in every place that a secret can have; no output has it.
func TestShow_hidesEverySecret(t *testing.T) {
	const marker = "marker-hunter2"
	site, err := loadText(t, strings.ReplaceAll(`
hosts: [{address: a, username: u, password: MARKER}]
postgres: [{name: a, dsn: "postgres:///x", password: MARKER}]
rabbitmq: [{name: a, url: "http://b", username: u, password: MARKER}]
probes:
  - {target: https://a.example, username: u, password: MARKER}
  - {target: https://b.example, bearer_token: MARKER, headers: {X-Key: MARKER}}
alerts:
  mattermost: {webhook_url: "https://chat.example/hooks/MARKER"}
  fallback: {smtp: {host: mail.example, from: a@b.example, to: [c@b.example], username: u, password: MARKER}}
  heartbeat: {url: "https://h.example/MARKER"}
`, "MARKER", marker))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Show(&out, site); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "[redacted]"); n != 9 {
		t.Errorf("%d secrets are shown as hidden, want 9:\n%s", n, out.String())
	}
	if err := WriteOutgoing(&out, site); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), marker) {
		t.Errorf("a secret is shown:\n%s", out.String())
	}
}

// Servers are spoken to, those of this machine's sockets without the network.
func TestOutgoing_servers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tocsin.yml")
	write(t, path, `
postgres:
  - {name: socket, dsn: "postgres:///postgres?host=/run/postgresql"}
  - {name: query, dsn: "postgres:///postgres?host=db1.ville.example"}
  - {name: url, dsn: "postgres://tocsin@db2.ville.example:5433/postgres"}
  - {name: words, dsn: "user=tocsin host=db3.ville.example"}
  - {name: more, dsn: "postgres://db4.ville.example/postgres"}
rabbitmq: [{name: bus, url: "http://bus.ville.example:15672"}, {name: other, url: "http://bus2.ville.example:15672", mode: management, username: guet}]
updates:
  projects:
    - {name: postgresql, github: postgres/postgres, deployed_from: [postgres/socket, postgres/query, postgres/url, postgres/words]}
    - {name: rabbitmq, github: rabbitmq/rabbitmq-server, deployed_from: rabbitmq/bus}
`)
	site, err := load(path, Flags{}, testMachine())
	if err != nil {
		t.Fatal(err)
	}
	const told = "asked for its numbers"
	want := []Connection{
		{"db1.ville.example", told, "postgres[1]"},
		{"db2.ville.example:5433", told, "postgres[2]"},
		{"db3.ville.example", told, "postgres[3]"},
		{"db4.ville.example", told, "postgres[4]"},
		{"bus.ville.example:15692", "asked for its page of metrics, every 15s", "rabbitmq[0]"},
		{"bus.ville.example:15672", "asked how it is, by its management API, every 15s", "rabbitmq[0]"},
		{"bus.ville.example:15672", watched, "rabbitmq[0]"},
		{"bus2.ville.example:15672", "asked how it is, by its management API, every 15s, as user guet with the password", "rabbitmq[1]"},
		{"bus2.ville.example:15672", watched, "rabbitmq[1]"},
		{"github.com", "asked for releases of postgresql, rabbitmq, at most every 1h", "updates"},
	}
	if diff := cmp.Diff(want, Outgoing(site)); diff != "" {
		t.Error(diff)
	}
}

// watched is what is asked of a broker beside its numbers.
const watched = "asked every 1m what its administrator needs; as guest, once an hour at most, whether guest gets in"

func TestOutgoing(t *testing.T) {
	site, err := load(installed(t), Flags{}, testMachine())
	if err != nil {
		t.Fatal(err)
	}
	const texts = "alert texts: names of hosts and services, values, times"
	want := []Connection{
		{"db1.ville.example:10617", "asked for its targets and their pages", "hosts[0]"},
		{"app1.ville.example:10617", "asked for its targets and their pages, as user guet with the password", "hosts[1]"},
		{"www.ville.example", "asked for page, as the kind website says", "bricks[0]"},
		{"db1.ville.example", "asked for sql, as the kind wcs says", "bricks[1]"},
		{"demarches.ville.example", "asked for alive, versions, as the kind wcs says", "bricks[1]"},
		{"127.0.0.1:15692", "asked for its page of metrics, every 15s, as user monitor with the password", "rabbitmq[0]"},
		{"127.0.0.1:15672", "asked how it is, by its management API, every 15s, as user monitor with the password", "rabbitmq[0]"},
		{"127.0.0.1:15672", watched, "rabbitmq[0]"},
		{"127.0.0.1:5672", "sent a message and asked to give it back, every 1m, as user monitor with the password", "rabbitmq[0]"},
		{"www.ville.example", "every 30s: GET as a user would; then a plain GET to wherever it redirects", "bricks"},
		{"demarches.ville.example", "every 30s: GET as a user would; then a plain GET to wherever it redirects", "bricks"},
		{"portail.ville.example", "every 30s: GET as a user would; then a plain GET to wherever it redirects", "probes[0]"},
		{"connexion.ville.example", "every 1m: GET as a user would; then a plain GET to wherever it redirects", "probes[1]"},
		{"api.ville.example", "every 30s: GET as a user would, with the bearer token; then a plain GET to wherever it redirects", "probes[2]"},
		{"ns1.ville.example", "every 30s: asked for the SOA records of ville.example", "probes[3]"},
		{"ldap.ville.example:389", "every 30s: asked for TLS, in the words of ldap", "probes[4]"},
		{"gw.ville.example", "every 30s: pinged", "probes[5]"},
		{
			"demarches.ville.example", "every 30s: GET as a user would; then a plain GET to wherever it redirects; " +
				"every 10m a GET over https and http and an OPTIONS, to grade its headers", "probes[6]",
		},
		{"db1.ville.example:5432", "every 30s: a connection is tried, and must not come about", "probes[7]"},
		{"mail.ville.example", "every 30s: greeted with EHLO, asked whether it would take mail for contact@ville.example", "probes[8]"},
		{"ville.example", "every 1h: this machine's name servers are asked for the MX and TXT records of ville.example and of what these name", "probes[9]"},
		{"ville.example", "every 5m: the name servers of ville.example and of the zone above it are asked about it, at most 32 addresses", "probes[10]"},
		{"ville.example", "every 6h: its registry is asked about ville.example, and once a day IANA for the list of registries", "probes[11]"},
		{"app1.ville.example", "every 5m: a connection is made for each type of host key, keys are exchanged, and nobody logs in", "probes[12]"},
		{"api.github.com", "asked for releases of peertube, postgresql, at most every 1h, with the token", "updates"},
		{"deb.ville.example", "asked for releases of wcs, at most every 1h", "updates"},
		{"chat.ville.example", texts + "; who posts, by the bot's token", "alerts.mattermost.url"},
		{"mail.ville.example:587", texts + ", when Mattermost does not take them; the addresses technique@ville.example", "alerts.fallback.smtp"},
		{"heartbeat.example", "a bare GET every 1m: that this Tocsin lives", "alerts.heartbeat.url"},
	}
	if diff := cmp.Diff(want, Outgoing(site)); diff != "" {
		t.Error(diff)
	}
}

func TestOutgoing_engineOff(t *testing.T) {
	site, err := loadText(t, "engine: off\nhosts: [a]\n")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := WriteOutgoing(&out, site); err != nil || out.String() != "Nothing leaves this machine.\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}
