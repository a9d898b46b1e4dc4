package updatewatch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/updatewatch/forge"
	"tocsin/updatewatch/forge/forgetest"
)

const forgeURL = "https://git.ville.example"

// site is a watcher at work, in a bubble with a clock of its own.
type site struct {
	t     *testing.T
	forge *forgetest.Server
	file  string
	cfg   Config
	w     *Watcher

	mu   sync.Mutex
	runs map[string]string // by brick: what is deployed
	said []Announcement
	err  error // what saying ends with
	stop func()
}

func newSite(t *testing.T, projects ...Project) *site {
	s := &site{t: t, forge: forgetest.Offline(forgeURL), file: filepath.Join(t.TempDir(), "data", "updates.json"), runs: map[string]string{}}
	for _, p := range projects {
		if p.Gitea == "" {
			p.Gitea = forgeURL + "/ville/" + p.Name
		}
		if p.DeployedFrom == nil {
			p.DeployedFrom = References{"brick/" + p.Name}
		}
		s.cfg.Projects = append(s.cfg.Projects, p)
	}
	s.cfg.SetDefaults()
	return s
}

func (s *site) options() Options {
	return Options{
		StateFile: s.file, Transport: s.forge,
		Deployed: func(_ context.Context, from string) (string, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if v := s.runs[strings.TrimPrefix(from, "brick/")]; v != "" {
				return v, nil
			}
			return "", errors.New("the connection is refused")
		},
		Say: func(_ context.Context, a Announcement) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.err == nil {
				s.said = append(s.said, a)
			}
			return s.err
		},
	}
}

func (s *site) start() {
	s.t.Helper()
	w, err := New(s.cfg, s.options())
	if err != nil {
		s.t.Fatal(err)
	}
	s.run(w)
}

func (s *site) run(w *Watcher) {
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan struct{})
	go func() { w.Run(ctx); close(done) }()
	s.w, s.stop = w, func() { cancel(); <-done }
}

// after lets time pass and returns what was said meanwhile.
func (s *site) after(d time.Duration) []Announcement {
	time.Sleep(d) // of the bubble's clock
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	said := s.said
	s.said = nil
	return said
}

func (s *site) deploy(name, version string) { s.mu.Lock(); s.runs[name] = version; s.mu.Unlock() }
func (s *site) fail(err error)              { s.mu.Lock(); s.err = err; s.mu.Unlock() }

func (s *site) publish(name string, tags ...string) {
	for _, tag := range tags {
		s.forge.Publish("ville/"+name, forgetest.Release{Tag: tag, Name: "A <b>name</b> @channel", At: time.Now()})
	}
}

func (s *site) expect(said []Announcement, want ...string) {
	s.t.Helper()
	var got []string
	for _, a := range said {
		line := a.Texts["en"].Summary
		if a.Resolved {
			line = "RESOLVED " + line
		}
		got = append(got, line)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		s.t.Errorf("said:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestWatcher_theWholeStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Project{Name: "pad"}, Project{Name: "chat", Line: 2}, Project{Name: "unknown"}, Project{Name: "missing"})
		s.publish("pad", "v2.5.2", "v2.5.3")
		s.publish("chat", "v11.8.4", "v11.9.0")
		s.publish("unknown", "v1.0.0")
		s.deploy("pad", "2.5.2")
		s.deploy("chat", "11.8.4")
		s.start()

		said := s.after(3 * time.Minute)
		s.expect(said, "Releases of 4 projects are followed, 1 with an update waiting")
		if text := said[0].Texts["fr"].Description; text != "pad : la version 2.5.3 est sortie, 2.5.2 tourne ici · sans réponse : missing" {
			t.Errorf("%s", text)
		}
		s.expect(s.after(5 * time.Hour))

		s.publish("pad", "v2.5.4")
		s.expect(s.after(90*time.Minute), "pad: 2.5.4 is out, 2.5.2 runs here")
		s.forge.Publish("ville/pad", forgetest.Release{Tag: "v2.5.5", Body: "Fixes CVE-2026-0001", At: time.Now()})
		said = s.after(90 * time.Minute)
		s.expect(said, "pad: 2.5.5 is out, 2.5.2 runs here (security)")
		if a := said[0]; a.Group != "updates/pad" || !a.Security || a.URL != forgeURL+"/ville/pad/releases/tag/v2.5.5" ||
			a.Texts["en"].Description != "Newest in line 2: 2.5.5. Named by the release: CVE-2026-0001." {
			t.Errorf("%+v", a)
		}
		s.deploy("pad", "2.5.5")
		s.expect(s.after(time.Minute), "RESOLVED pad: 2.5.5 runs here, nothing newer waits")

		// Three lines on one day: one's own first, then that there is another.
		s.publish("chat", "v11.10.0", "v11.9.1", "v11.8.5", "v11.11.0-rc1")
		said = s.after(90 * time.Minute)
		s.expect(said, "chat: 11.8.5 is out, 11.8.4 runs here")
		if text := said[0].Texts["en"].Description; text != "Newest in line 11.8: 11.8.5. Newest of all: 11.10.0." {
			t.Errorf("%s", text)
		}
		// Nobody knows what runs: the news is all there is to tell.
		s.publish("unknown", "v1.0.1")
		s.expect(s.after(90*time.Minute), "unknown: 1.0.1 is out")
		s.stop()
		s.start()
		s.expect(s.after(24 * time.Hour))
		s.stop()
	})
}

// On 2025-09-17 Asterisk made 21 old tags anew within hours.
func TestWatcher_oldTagsMadeAnewAreNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Project{Name: "pbx"})
		s.publish("pbx", "20.15.0", "20.15.1", "21.10.0", "22.4.0", "22.5.0", "20.15.2")
		s.deploy("pbx", "20.15.2")
		s.start()
		s.after(time.Hour)
		s.publish("pbx", "20.14.0", "20.15.0", "20.15.1", "22.5.0", "22.3.0", "20.13.1", "20.13.0", "20.12.0", "20.11.0", "20.10.0", "22.2.0", "20.16.0-rc1")
		s.expect(s.after(5 * time.Hour))
		s.publish("pbx", "20.16.0")
		s.expect(s.after(2*time.Hour), "pbx: 20.16.0 is out, 20.15.2 runs here")
		s.stop()
	})
}

func TestWatcher_aNewLineIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Project{Name: "db"})
		s.publish("db", "15.13", "16.9", "17.5")
		s.deploy("db", "15.13 (Debian 15.13-0+deb12u1)")
		s.start()
		s.expect(s.after(time.Hour), "Releases of 1 projects are followed, all known ones up to date")
		s.publish("db", "18.0")
		s.expect(s.after(2*time.Hour), "db: 18.0 is out, 15.13 runs here")
		s.publish("db", "18.1", "17.6")
		said := s.after(2 * time.Hour)
		if len(said) > 1 {
			t.Errorf("said %d times", len(said))
		}
		s.deploy("db", "18.1")
		s.expect(s.after(time.Minute), "RESOLVED db: 18.1 runs here, nothing newer waits")
		s.stop()
	})
}

func TestWatcher_whatCouldNotBeSaidIsSaidLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Project{Name: "pad"})
		s.publish("pad", "v1.0.0")
		s.deploy("pad", "1.0.0")
		s.start()
		s.after(time.Hour)
		s.fail(errors.New("the chat is down"))
		s.publish("pad", "v1.0.1")
		s.after(2 * time.Hour)
		s.publish("pad", "v1.0.2")
		s.after(2 * time.Hour)
		if n := len(s.w.state.Outbox); n != 1 {
			t.Errorf("%d messages wait, want the newest of the project alone", n)
		}
		s.stop()
		s.start()
		s.after(time.Minute)
		s.fail(nil)
		s.expect(s.after(90*time.Minute), "pad: 1.0.2 is out, 1.0.0 runs here")
		if n := len(s.w.state.Outbox); n != 0 {
			t.Errorf("%d messages wait", n)
		}
		s.stop()
	})
}

// Before it is said it is on disk that it will be.
func TestWatcher_writesBeforeItSpeaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Project{Name: "pad"})
		s.publish("pad", "v1.0.0")
		o := s.options()
		checked := 0
		o.Say = func(_ context.Context, a Announcement) error {
			onDisk, err := read(s.file)
			if err != nil || onDisk.Outbox[a.Group] == nil {
				t.Errorf("%s is not in the file: %v", a.Group, err)
			}
			checked++
			return nil
		}
		w, err := New(s.cfg, o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { w.Run(ctx); close(done) }()
		time.Sleep(time.Hour)
		s.publish("pad", "v1.0.1")
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		cancel()
		<-done
		if checked != 2 {
			t.Errorf("said %d times", checked)
		}
	})
}

func TestWatcher_remindsOnceAWeek(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Project{Name: "pad"}, Project{Name: "wiki"})
		s.publish("pad", "v1.0.0", "v1.0.1")
		s.publish("wiki", "v3.0.0")
		s.deploy("pad", "1.0.0")
		s.deploy("wiki", "3.0.0")
		s.start()
		s.after(6 * 24 * time.Hour)
		said := s.after(2 * 24 * time.Hour)
		s.expect(said, "Updates still wait: 1")
		if len(said) == 1 && said[0].Texts["en"].Description != "pad: 1.0.1 is out, 1.0.0 runs here" {
			t.Errorf("%+v", said[0])
		}
		s.deploy("pad", "1.0.1")
		s.expect(s.after(8 * 24 * time.Hour))
		s.stop()
	})
}

// A host that refuses is left alone by all its projects, after a restart too;
// others go on.
func TestWatcher_leavesAHostAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Project{Name: "a"}, Project{Name: "b"}, Project{Name: "c"})
		for _, name := range []string{"a", "b", "c"} {
			s.publish(name, "v1")
		}
		s.forge.Fail(forgetest.Fault{Status: 429, Header: map[string]string{"Retry-After": "7200"}})
		s.start()
		s.after(time.Hour)
		s.stop()
		s.start()
		s.after(50 * time.Minute)
		if n := len(s.forge.Requests()); n != 1 {
			t.Errorf("asked %d times", n)
		}
		s.after(30 * time.Minute)
		if n := len(s.forge.Requests()); n != 4 {
			t.Errorf("asked %d times, want each once more", n)
		}
		s.stop()
	})
}

func TestWatcher_failuresAreSlowedDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Project{Name: "missing"})
		s.start()
		s.after(24 * time.Hour)
		n := len(s.forge.Requests())
		if n < 8 || n > 16 {
			t.Errorf("asked %d times in a day", n)
		}
		if st := s.w.Status()[0]; st.Reason != forge.NotFound || !strings.Contains(st.Error, "404") {
			t.Errorf("%+v", st)
		}
		s.stop()
	})
}

func TestWatcher_unchangedSourcesAreNotReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Project{Name: "pad"})
		s.publish("pad", "v1")
		s.start()
		s.after(6 * time.Hour)
		s.stop()
		s.start()
		s.after(6 * time.Hour)
		full := 0
		for _, r := range s.forge.Requests() {
			if r.Status == 200 {
				full++
			}
		}
		if n := len(s.forge.Requests()); full != 1 || n < 10 || n > 15 {
			t.Errorf("%d requests, %d of them in full", n, full)
		}
		s.stop()
	})
}

// A feed is a window: when all in it is new, something may have been missed.
func TestWatcher_aWindowThatIsOverrunIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Project{Name: "pad"})
		s.publish("pad", "v1.0.0")
		s.start()
		s.after(time.Hour)
		for i := range 12 {
			s.publish("pad", fmt.Sprintf("v1.1.%d", i))
		}
		for s.w.Status()[0].Newest != "1.1.11" {
			s.after(time.Minute)
		}
		if st := s.w.Status()[0]; !st.Overrun || len(s.w.state.Projects["pad"].Versions) != 11 {
			t.Errorf("%+v", st)
		}
		// The feed is read again in full, and meets what is known.
		s.after(70 * time.Minute)
		if st := s.w.Status()[0]; st.Overrun {
			t.Errorf("%+v", st)
		}
		s.stop()
	})
}

func TestNew_aCorruptStateRefusesToStart(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "cut": `{"schema":1,"projects":{"pad":{"sou`, "another schema": `{"schema":7}`, "holes": `{"schema":1,"projects":{"pad":null}}`,
		"no JSON": "\x00\x00\x00\x00",
	} {
		s := newSite(t, Project{Name: "pad"})
		if err := write(s.file, []byte(text)); err != nil {
			t.Fatal(err)
		}
		_, err := New(s.cfg, s.options())
		if err == nil {
			t.Errorf("%s: it starts", name)
			continue
		}
		for _, part := range []string{"mv " + s.file + ".1 " + s.file, "rm " + s.file, "counts as known", "no message for each"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v does not say %q", name, err, part)
			}
		}
		if text2, _ := os.ReadFile(s.file); string(text2) != text {
			t.Errorf("%s: the file was touched", name)
		}
	}
}
