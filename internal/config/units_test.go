package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/exporters/host"
)

func TestBricks_unitsAreWatchedWhereTheyRun(t *testing.T) {
	const text = `
bricks:
  - {kind: website, name: a, url: "https://a.ville.example", units: [nginx, "a-*.service"]}
  - {kind: website, name: b, url: "https://b.ville.example", units: [nginx], on: hub1}
  - {kind: website, name: c, url: "https://c.ville.example", units: [c], on: elsewhere}
`
	site, err := loadText(t, strings.ReplaceAll(text, "hub1", testMachine().hostname))
	if err != nil {
		t.Fatal(err)
	}
	want := []host.BrickUnit{{Unit: "nginx", Brick: "a"}, {Unit: "a-*.service", Brick: "a"}, {Unit: "nginx", Brick: "b"}}
	if diff := cmp.Diff(want, site.Host.Units.OfBricks); diff != "" {
		t.Error(diff)
	}
	if said := strings.Join(site.Warnings(), "\n"); !strings.Contains(said, "bricks[2].units: are watched by the Tocsin on elsewhere only") {
		t.Error(said)
	}
	for text, want := range map[string]string{
		"host: {collectors: {off: [units]}}\nbricks: [{kind: website, name: a, url: \"https://a.ville.example\", units: [nginx]}]": "nobody watches them: the collector units does not run",
		"bricks: [{kind: website, name: a, url: \"https://a.ville.example\", units: [\"a@.service\"]}]":                            "is a template, which never runs itself",
	} {
		if _, err := loadText(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
