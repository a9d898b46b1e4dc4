package updatewatch

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/updatewatch/forge/forgetest"
)

// The environment of the process that is killed.
const (
	crashFolder = "UPDATEWATCH_CRASH_FOLDER"
	crashForge  = "UPDATEWATCH_CRASH_FORGE"
	crashAfter  = "UPDATEWATCH_CRASH_AFTER" // saying so many times
)

// TestCrash_child is no test: it is the process that TestWatcher_survivesKill
// kills.
func TestCrash_child(t *testing.T) {
	dir := os.Getenv(crashFolder)
	if dir == "" {
		t.SkipNow()
	}
	var after int
	if _, err := fmt.Sscan(os.Getenv(crashAfter), &after); err != nil {
		t.Fatal(err)
	}
	w, err := New(crashConfig(os.Getenv(crashForge)), Options{
		StateFile: filepath.Join(dir, "updates.json"),
		Say: func(_ context.Context, a Announcement) error {
			f, err := os.OpenFile(filepath.Join(dir, "said"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
			if err != nil {
				return err
			}
			defer f.Close()
			if _, err := fmt.Fprintln(f, a.Group, a.Version); err != nil {
				return err
			}
			if after--; after == 0 {
				return syscall.Kill(os.Getpid(), syscall.SIGKILL) // said, and nobody will ever know
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			w.mu.Lock()
			done := len(w.state.Outbox) == 0 && len(w.state.Baseline) == 0
			for _, k := range w.state.Projects {
				done = done && !k.LastCheck.IsZero() && k.NextCheck.After(time.Now())
			}
			w.mu.Unlock()
			if done {
				cancel()
			}
			timer := time.NewTimer(20 * time.Millisecond)
			<-timer.C
		}
	}()
	w.Run(ctx)
}

func crashConfig(address string) Config {
	c := Config{}
	for _, name := range []string{"a", "b", "c"} {
		c.Projects = append(c.Projects, Project{Name: name, Gitea: address + "/ville/" + name, Deployed: "1.0.0"})
	}
	c.SetDefaults()
	return c
}

// Killed whenever it has just spoken, it loses nothing, and repeats at most
// the one word that it was killed over.
func TestWatcher_survivesKill(t *testing.T) {
	forge := forgetest.New(t)
	for _, name := range []string{"a", "b", "c"} {
		forge.Publish("ville/"+name, forgetest.Release{Tag: "v1.0.0", At: time.Now()})
	}
	dir := t.TempDir()
	run := func(after int) (killed bool) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrash_child$", "-test.v")
		cmd.Env = append(os.Environ(), crashFolder+"="+dir, crashForge+"="+forge.URL, fmt.Sprintf("%s=%d", crashAfter, after))
		out, err := cmd.CombinedOutput()
		if err != nil && !strings.Contains(err.Error(), "killed") {
			t.Fatalf("%v\n%s", err, out)
		}
		return err != nil
	}
	run(1) // killed over the summary
	run(0)
	// A day later.
	s, err := read(filepath.Join(dir, "updates.json"))
	if err != nil || len(s.Baseline) != 0 {
		t.Fatalf("%+v, %v", s, err)
	}
	for name, k := range s.Projects {
		forge.Publish("ville/"+name, forgetest.Release{Tag: "v1.0.1", At: time.Now()})
		k.NextCheck = time.Time{}
	}
	w := &Watcher{opts: Options{StateFile: filepath.Join(dir, "updates.json")}, state: s}
	if !w.save(true) {
		t.Fatal("not saved")
	}
	kills := 0
	for range 10 {
		if !run(2) {
			break
		}
		kills++
	}
	text, err := os.ReadFile(filepath.Join(dir, "said"))
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]int{}
	for line := range strings.Lines(string(text)) {
		group, _, _ := strings.Cut(line, "/")
		if group == "updates-summary" {
			line = group
		}
		said[strings.TrimSpace(line)]++
	}
	if len(said) != 4 || kills < 2 {
		t.Errorf("killed %d times, said %v: want the summary and three updates", kills, said)
	}
	t.Logf("killed %d times while speaking, said %v", kills+1, said)
	if s, err := read(filepath.Join(dir, "updates.json")); err != nil || len(s.Outbox) != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}
