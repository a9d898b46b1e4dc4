package updatewatch

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/updatewatch/forge/forgetest"
)

func TestCollector_conforms(t *testing.T) {
	collectortest.Run(t, func(testing.TB) frame.Collector {
		s := newSite(t, Project{Name: "pad"})
		w, err := New(s.cfg, s.options())
		if err != nil {
			t.Fatal(err)
		}
		return w.Collector()
	})
}

// page gathers a watcher's page: one line a sample.
func page(t *testing.T, w *Watcher) string {
	t.Helper()
	target := frame.NewTarget(frame.Spec{Job: "updates", Collectors: []frame.Entry{{Collector: w.Collector()}}}, slog.New(slog.DiscardHandler))
	var b strings.Builder
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	for _, family := range target.Gather(ctx) {
		for _, m := range family.GetMetric() {
			// The text of a message has one space or two, by chance.
			b.WriteString(family.GetName() + " " + strings.ReplaceAll(m.String(), "  ", " ") + "\n")
		}
	}
	if state := target.States()[0]; state.Error != "" {
		t.Error(state.Error)
	}
	return b.String()
}

// What is declared is sent at one time or another: nothing is promised that
// never comes.
func TestCollector_sendsAllThatItDeclares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Project{Name: "pad"}, Project{Name: "missing"})
		s.publish("pad", "v1.0.0", "v2.0.0", "nightly")
		s.deploy("pad", "1.0.0")
		s.forge.SetQuota(50, time.Now().Add(100*time.Hour))
		s.start()
		s.after(time.Hour)
		s.fail(context.DeadlineExceeded)
		s.forge.Publish("ville/pad", forgetest.Release{Tag: "v1.0.1", Body: "GHSA-2222-3333-4444", At: time.Now()})
		s.after(2 * time.Hour)
		s.stop()
		got := page(t, s.w)
		for _, f := range Families() {
			if !strings.Contains(got, f.Name+" ") {
				t.Errorf("%s is not on the page", f.Name)
			}
		}
		for _, want := range []string{
			`updatewatch_version_info label:{name:"deployed" value:"1.0.0"} label:{name:"deployed_from" value:"brick/pad"} label:{name:"line" value:"1"} label:{name:"line_newest" value:"1.0.1"} label:{name:"newest" value:"2.0.0"} label:{name:"project" value:"pad"} gauge:{value:1}`,
			`updatewatch_security_update_waiting label:{name:"deployed_from" value:"brick/pad"} label:{name:"project" value:"pad"} gauge:{value:1}`,
			`updatewatch_newer_line_available label:{name:"deployed_from" value:"brick/pad"} label:{name:"project" value:"pad"} gauge:{value:1}`,
			`updatewatch_rejected_tags label:{name:"project" value:"pad"} gauge:{value:1}`,
			`updatewatch_check_failure_info label:{name:"project" value:"missing"} label:{name:"reason" value:"not_found"} gauge:{value:1}`,
			`updatewatch_outbox_pending gauge:{value:1}`,
		} {
			if !strings.Contains(got, want) {
				t.Errorf("no %s in:\n%s", want, got)
			}
		}
		// What is not known is not zero.
		if strings.Contains(got, `updatewatch_up_to_date label:{name:"deployed_from" value:"brick/missing"}`) {
			t.Error("what cannot be known is said to be up to date, or not")
		}
	})
}

// The file is Debian's own, of this machine, where it has one.
func TestInstalledPackages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "status")
	text := "Package: postgresql-15\nStatus: install ok installed\nArchitecture: amd64\nVersion: 15.13-0+deb12u1\nDescription: x\n Version: 9\n\n" +
		"Package: gone\nStatus: deinstall ok config-files\nVersion: 1.0\n\nPackage: etherpad\nStatus: hold ok installed\nVersion: 1:2.5.3+dfsg-1\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := packages{path: path}
	for name, want := range map[string]string{"postgresql-15": "15.13-0+deb12u1", "gone": "", "etherpad": "1:2.5.3+dfsg-1", "x": ""} {
		if got, err := p.version(name); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, want %q; %v", name, got, want, err)
		}
	}
	if _, err := os.Stat("/var/lib/dpkg/status"); err == nil {
		installed, err := installedPackages("/var/lib/dpkg/status")
		if err != nil || installed["dpkg"] == "" || len(installed) < 50 {
			t.Errorf("%d packages, dpkg %q, %v", len(installed), installed["dpkg"], err)
		}
	}
}
