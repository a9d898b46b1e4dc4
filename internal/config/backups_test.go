package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const covering = `
hosts: [app1, db1.ville.example]
postgres: [{name: main, dsn: "host=/run/postgresql"}, {name: other, dsn: "host=/run/other", instance: "db7:old"}]
bricks:
  - {kind: website, name: a, url: https://a.example, on: app1}
  - {kind: website, name: b, url: https://b.example, on: db1.ville.example}
backups:
  - {name: dumps, files: /srv/*.dump, max_age: 26h, covers: [postgres/main, postgres/other/demarches, "folder:/srv/data", brick/b]}
  - {name: machines, borg: /srv/borg, max_age: 26h, covers: [host/app1, "postgres/db2:main"]}
`

func TestCoverage(t *testing.T) {
	site, err := loadText(t, covering)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{
		"host/guet": false, "host/app1": true, "host/db1.ville.example": false,
		"postgres/guet:main": true, "postgres/db7:old": false, "postgres/db7:old/demarches": true, "postgres/db2:main": true,
		"brick/a": true, "brick/b": true, "folder:/srv/data": true,
	}
	if diff := cmp.Diff(want, site.Coverage()); diff != "" {
		t.Error(diff)
	}
	if w := site.Warnings(); len(w) > 0 {
		t.Errorf("warnings: %q", w)
	}
	if h := site.Hints(); len(h) > 0 {
		t.Errorf("hints: %q", h)
	}
	// Without a section nothing is uncovered; a plain exporter has no hosts.
	if site, err = loadText(t, "postgres: [{name: main, dsn: host=/run/postgresql}]\n"); err != nil || site.Coverage() != nil {
		t.Errorf("%v, %v", site.Coverage(), err)
	}
	if h := site.Hints(); len(h) != 1 || !strings.HasPrefix(h[0], "backups: none is named") {
		t.Errorf("hints: %q", h)
	}
	site, err = loadText(t, "engine: off\nhosts: [app1]\nbackups: [{name: d, stamp: /srv/s, max_age: 1d, covers: [host/elsewhere]}]\n")
	if err != nil || len(site.Warnings()) > 0 {
		t.Fatal(site.Warnings(), err)
	}
	if diff := cmp.Diff(map[string]bool{"host/guet": false, "host/elsewhere": true}, site.Coverage()); diff != "" {
		t.Error(diff)
	}
}

func TestCoverage_aSlipIsTold(t *testing.T) {
	site, err := loadText(t, strings.NewReplacer("postgres/main", "postgres/mian", "host/app1", "host/nas").Replace(covering))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		site.File() + `:8: backups[0].covers[0]: "postgres/mian" is not in this file; did you mean postgres/main?`,
		site.File() + `:9: backups[1].covers[0]: "host/nas" is not in this file; write it as the file has it, or leave it if another machine's file has it`,
	}
	if diff := cmp.Diff(want, site.Warnings()); diff != "" {
		t.Error(diff)
	}
}
