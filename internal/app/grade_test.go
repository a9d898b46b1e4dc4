package app

import (
	"log/slog"
	"testing"
	"time"

	"tocsin/internal/config"
	"tocsin/probes"
	"tocsin/probes/gradecheck"
	"tocsin/probes/httpprobe"
)

// Headers are graded on the probe's own page, on a clock of their own.
func TestProbeTarget_gradesBesideTheProbe(t *testing.T) {
	t.Parallel()
	cfg := probes.Config{Target: "https://portail.ville.example", HTTP: httpprobe.Config{HeaderGrade: &gradecheck.Config{Promised: "B"}}}
	cfg.SetDefaults()
	targets, err := placesOf(&config.Site{}, cfg, probes.Options{}, 0, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	collectors := targets[0].Spec().Collectors
	if len(collectors) != 2 || collectors[0].Collector.Name() != "probe" || collectors[1].Collector.Name() != "probe_header_grade" {
		t.Fatalf("the page has %+v", collectors)
	}
	if collectors[0].Every != 30*time.Second || collectors[1].Every != 10*time.Minute {
		t.Errorf("looked at every %s, graded every %s", collectors[0].Every, collectors[1].Every)
	}
	cfg.HTTP.HeaderGrade = nil
	if targets, err = placesOf(&config.Site{}, cfg, probes.Options{}, 0, slog.New(slog.DiscardHandler)); err != nil || len(targets[0].Spec().Collectors) != 1 {
		t.Errorf("without a grade the page has %+v: %v", targets, err)
	}
}
