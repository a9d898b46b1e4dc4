package migrate

import (
	"io/fs"
	"reflect"
	"strings"
	"testing"

	"tocsin/bricks"
	"tocsin/exporters/host"
	"tocsin/internal/strict"
)

func noFiles(string) ([]byte, error) { return nil, fs.ErrNotExist }

// Every key of the table is one that the section host has.
func TestNodeFlags_nameKeysThatExist(t *testing.T) {
	for flag, f := range nodeFlags {
		if f.key == "" {
			if f.form != harmless && f.lost == "" && !strings.HasPrefix(flag, "web.") && flag != "collector.disable-defaults" {
				t.Errorf("%s says neither where it goes nor why not", flag)
			}
			continue
		}
		of := reflect.TypeFor[host.Config]()
		for key := range strings.SplitSeq(f.key, ".") {
			found := false
			for _, field := range strict.Fields(of) {
				if field.Key == key {
					of, found = field.Struct.Type, true
					break
				}
			}
			if !found {
				t.Fatalf("%s: host has no key %s", flag, f.key)
			}
		}
	}
	for name := range nodeCollectors {
		for _, known := range host.Names() {
			if name == known {
				t.Errorf("the collector %s exists; strike it from nodeCollectors", name)
			}
		}
	}
}

// The kinds that are proposed exist.
func TestExporters_proposeKindsThatExist(t *testing.T) {
	kinds, err := bricks.Load()
	if err != nil {
		t.Fatal(err)
	}
	for port, text := range exporters {
		_, rest, found := strings.Cut(text, "{kind: ")
		name, _, _ := strings.Cut(rest, ",")
		if _, ok := bricks.Find(kinds, name); found && !ok {
			t.Errorf("port %s: no kind is called %s", port, name)
		}
	}
}

func TestDataSource_losesNothingButThePassword(t *testing.T) {
	for source, want := range map[string]string{
		"user=a host=/run/postgresql dbname=b":                   "user=a host=/run/postgresql dbname=b",
		`user=a password='it\'s hunter2' host=b`:                 "user=a host=b",
		`user=a password=hunter2\ hunter2 host=b`:                "user=a host=b",
		`user=a password='hunter2`:                               "", // open
		"user=a sslpassword=hunter2":                             "",
		"user=a hunter2=hunter2":                                 "",
		"postgres://a:hunter2@b/c?sslmode=disable":               "postgres://a@b/c?sslmode=disable",
		"postgresql://a:p@hunter2@b:5433/c":                      "postgresql://a@b:5433/c",
		"postgres://a:12/hunter2@b/c":                            "",
		"postgres://a:hun#hunter2@b/c":                           "",
		"postgres://a:12?hunter2@b/c":                            "",
		"postgres:///c?host=/run/postgresql&password=hunter2":    "postgres:///c?host=/run/postgresql",
		"postgres://b/c?user=a&sslpassword=hunter2":              "",
		"mysql://a:hunter2@b/c":                                  "",
		"hunter2":                                                "",
		"ter2@b/c":                                               "",
		"postgres://a@b/c?sslrootcert=%2Fetc%2Fssl%2Fca.pem#hun": "",
	} {
		dsn, _, _, ok := dataSource(source)
		if ok != (want != "") || ok && dsn != want {
			t.Errorf("%s: %q, %t, want %q", source, dsn, ok, want)
		}
		if ok && strings.Contains(dsn, "hunter2") {
			t.Errorf("%s: the password stays in %s", source, dsn)
		}
	}
}

// What cannot be read is an error with its place, and without the secrets that
// stand around it.
func TestErrors_haveAPlaceAndNoSecret(t *testing.T) {
	for name, c := range map[string]struct {
		migrate func() (*Result, error)
		want    string
	}{
		"quote": {func() (*Result, error) {
			return NodeExporter("flags", []byte("--a\n--b='hunter2"), noFiles)
		}, "flags:2: a quote is opened and never closed"},
		"no flags": {func() (*Result, error) { return NodeExporter("flags", []byte("hunter2"), noFiles) }, "flags:1: has no flags, which begin with --"},
		"no YAML": {func() (*Result, error) {
			return Prometheus(PrometheusInput{Name: "p.yml", Data: []byte("global:\n  a: [hunter2\nb: c\n"), Read: noFiles})
		}, "p.yml:"},
		"another file": {func() (*Result, error) { return Alertmanager("a.yml", []byte("hunter2: {}\n")) }, "a.yml:1: this is no configuration of Alertmanager: it has no receivers"},
		"a list":       {func() (*Result, error) { return Blackbox("b.yml", []byte("- hunter2\n")) }, "b.yml:1: this is no configuration of blackbox_exporter"},
		"an empty one": {func() (*Result, error) { return PostgresExporter("q.yml", nil) }, "q.yml:1: this is no configuration of postgres_exporter"},
		"aliases": {func() (*Result, error) {
			bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
			for c := 'b'; c < 'k'; c++ {
				bomb += strings.NewReplacer("N", string(c), "P", string(c-1)).Replace("N: &N [*P,*P,*P,*P,*P,*P,*P,*P,*P]\n")
			}
			return Blackbox("b.yml", []byte("modules: {}\n"+bomb))
		}, "b.yml:1: its aliases make it larger"},
		"an endless alias": {func() (*Result, error) { return Blackbox("b.yml", []byte("modules: &m {x: *m}\n")) }, "b.yml:1: its aliases make it larger"},
		"too large": {func() (*Result, error) {
			return Blackbox("b.yml", []byte("modules: {}\n#"+strings.Repeat("x", strict.MaxSize)))
		}, "b.yml: the file is larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.migrate()
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Fatalf("%v, want %s", err, c.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a secret in the error: %v", err)
			}
		})
	}
}

// Addresses with passwords stand in nothing that is printed, wherever they
// were written.
func TestPrometheus_addressesWithSecrets(t *testing.T) {
	const file = `
global: {external_labels: {url: "https://u:hunter2@x"}}
scrape_configs:
  - job_name: node
    static_configs: [{targets: ["u:hunter2@db1:9100", "https://u:hunter2@db2:9100/", "db3:9100"], labels: {via: "https://u:hunter2@x"}}]
  - job_name: labelled-node
    static_configs: [{targets: ["db4:9100"], labels: {instance: "https://u:hunter2@x"}}]
  - job_name: else
    static_configs: [{targets: ["u:hunter2@db5:9187", "db6/?token=hunter2", "https://u:hunter2@x:1/"]}]
    authorization: {credentials: hunter2}
  - job_name: probes
    metrics_path: /probe
    static_configs: [{targets: ["https://u:hunter2@x", "https://x/?api_key=hunter2"]}]
    relabel_configs:
      - {source_labels: [__address__], target_label: __param_target}
      - {source_labels: [__param_target], target_label: instance}
`
	r, err := Prometheus(PrometheusInput{Name: "p.yml", Data: []byte(file), Read: noFiles})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := r.Write(&out); err != nil {
		t.Fatal(err)
	}
	if text := string(r.Site) + out.String(); strings.Contains(text, "hunter2") {
		t.Errorf("a secret:\n%s", text)
	}
	if !strings.Contains(string(r.Site), "db3:9100") {
		t.Errorf("the good one is missing:\n%s", r.Site)
	}
	loads(t, string(r.Site))
}

// FuzzNodeExporter: whatever the flags say, what is made of them loads.
func FuzzNodeExporter(f *testing.F) {
	f.Add("--collector.systemd.unit-include=(a --path.rootfs=host --web.listen-address=x")
	f.Add("ARGS=\"--collector.disable-defaults --collector.cpu --no-collector.cpu\"")
	f.Add("--collector.sysctl.include=: --collector.netstat.fields=\x00 --collector.textfile.directory=[")
	f.Fuzz(func(t *testing.T, flags string) {
		r, err := NodeExporter("", []byte(flags), noFiles)
		if err != nil {
			return
		}
		var site struct {
			Listen string      `yaml:"listen"`
			Engine string      `yaml:"engine"`
			Host   host.Config `yaml:"host"`
		}
		if _, faults := strict.Decode(r.Site, &site); len(faults) > 0 {
			t.Errorf("%q makes a file that cannot be read: %v\n%s", flags, faults, r.Site)
		}
	})
}
