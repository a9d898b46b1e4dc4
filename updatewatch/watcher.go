package updatewatch

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"tocsin/updatewatch/forge"
)

const (
	judgeEvery  = time.Minute // deployed versions are looked at, messages tried again, what is not urgent written
	lockEvery   = 200 * time.Millisecond
	sayPatience = time.Minute
	atOnce      = 4 // sources that are read at one time
)

// Options are what a watcher is made of.
type Options struct {
	// StateFile is where all is kept that must survive; empty: nowhere.
	StateFile string
	// Transport is how sources are reached; nil: as usual.
	Transport http.RoundTripper
	// Deployed says which version runs, in the words of what is asked: from is
	// as deployed_from has it, brick/NAME or any other but package/NAME. It is
	// called from several goroutines. Its error is shown: it must have no
	// secret in it.
	Deployed func(ctx context.Context, from string) (version string, err error)
	// DpkgStatus is the file of installed packages; default /var/lib/dpkg/status.
	DpkgStatus string
	// Say delivers an announcement; an error has it said again later. It must
	// be safe to repeat. Nil: nobody is told, metrics are all there is.
	Say func(ctx context.Context, a Announcement) error
	// UserAgent tells the hosts who asks.
	UserAgent string
	Now       func() time.Time // nil: the clock
	Log       *slog.Logger     // nil: none
}

// A Watcher follows the projects of one configuration. Its methods may be
// called from any goroutine.
type Watcher struct {
	opts   Options
	config Config
	all    []*watched
	client *forge.Client
	dpkg   packages
	slots  chan struct{} // bounds what is read at one time
	wake   chan struct{} // something is to be said

	mu      sync.Mutex // guards what follows
	state   *state
	dirty   bool
	broken  bool // the state could not be written, and that was logged
	said    map[string]int
	refused map[string]forge.Reason // by project: what was logged last
}

// New makes a watcher of a valid configuration, and starts nothing. A state
// file that cannot be used is an error that says how to go on.
func New(cfg Config, o Options) (*Watcher, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.DpkgStatus == "" {
		o.DpkgStatus = "/var/lib/dpkg/status"
	}
	all, err := cfg.prepare()
	if err != nil {
		return nil, err
	}
	s, err := read(o.StateFile)
	if err != nil {
		return nil, err
	}
	w := &Watcher{
		opts: o, config: cfg, all: all, client: forge.New(forge.Options{Transport: o.Transport, UserAgent: o.UserAgent}),
		dpkg:  packages{path: o.DpkgStatus},
		slots: make(chan struct{}, atOnce), wake: make(chan struct{}, 1),
		said: map[string]int{"ok": 0, "failed": 0}, refused: map[string]forge.Reason{},
	}
	w.adopt(s)
	return w, nil
}

// Run follows the projects until ctx ends. It waits while another watcher, of
// this process or of another, has the state file, and goes on from what that
// one left.
func (w *Watcher) Run(ctx context.Context) {
	unlock, err := w.lock(ctx)
	if err != nil {
		if ctx.Err() == nil {
			w.opts.Log.Error("updates are not followed", "err", err)
		}
		return
	}
	defer unlock()
	s, err := read(w.opts.StateFile)
	if err != nil {
		w.opts.Log.Error("updates are not followed", "err", err)
		return
	}
	w.adopt(s)
	if w.opts.StateFile != "" {
		if err := keepCopy(w.opts.StateFile); err != nil {
			w.opts.Log.Warn("no copy of the state of updates was kept", "err", err)
		}
	}
	var wg sync.WaitGroup
	for _, group := range w.byHost() {
		wg.Go(func() { w.follow(ctx, group) })
	}
	wg.Go(func() { w.speak(ctx) })
	wg.Wait()
	w.save(true)
}

// lock waits for the state file to be ours alone.
func (w *Watcher) lock(ctx context.Context) (unlock func(), err error) {
	if w.opts.StateFile == "" {
		return func() {}, nil
	}
	if err := os.MkdirAll(filepath.Dir(w.opts.StateFile), 0o700); err != nil {
		return nil, fmt.Errorf("lock the state of updates: %w", err)
	}
	f, err := os.OpenFile(w.opts.StateFile+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the state of updates: %w", err)
	}
	tick := time.NewTicker(lockEvery)
	defer tick.Stop()
	for waited := 0; ; waited++ {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			return func() { _ = f.Close() }, nil
		}
		if waited == 50 {
			w.opts.Log.Warn("waiting: another Tocsin has the state of updates", "file", w.opts.StateFile)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			_ = f.Close()
			return nil, ctx.Err()
		}
	}
}

// adopt takes a state, without the projects that are followed no more, whose
// posts are closed; those whose source has changed begin anew.
func (w *Watcher) adopt(s *state) {
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := map[string]*known{}
	for _, p := range w.all {
		k := s.Projects[p.Name]
		switch {
		case k == nil:
			k = &known{Source: p.identity()}
		case k.Source != p.identity():
			k = &known{Source: p.identity(), Runs: k.Runs, Open: k.Open, Opened: k.Opened, Said: k.Said}
		}
		maps.DeleteFunc(k.Runs, func(from string, _ running) bool { return !slices.Contains(p.DeployedFrom, from) })
		kept[p.Name] = k
	}
	left := s.Projects
	s.Projects = kept
	if s.Reminded.IsZero() {
		s.Reminded = w.opts.Now()
	}
	w.state = s
	for name, k := range left {
		if kept[name] == nil && w.opts.Say != nil {
			w.leave(name, k)
		}
	}
}

// identity changes when what was learnt is of no use any more.
func (w *watched) identity() string {
	return string(w.source.Kind) + " " + w.source.URL + " " + w.source.Package + " " + w.Tag
}

// Status tells how all projects stand, in the order of the configuration.
func (w *Watcher) Status() []Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.statuses()
}

func (w *Watcher) statuses() []Status {
	all := make([]Status, 0, len(w.all))
	for _, p := range w.all {
		all = append(all, p.judge(w.state.Projects[p.Name]))
	}
	return all
}

// save writes the state, and tells whether it is safe on disk. A failure is
// logged once.
func (w *Watcher) save(always bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.saveLocked(always)
}

func (w *Watcher) saveLocked(always bool) bool {
	if w.opts.StateFile == "" || !always && !w.dirty {
		return true
	}
	text, err := json.Marshal(w.state)
	if err == nil {
		err = write(w.opts.StateFile, text)
	}
	switch {
	case err != nil && !w.broken:
		w.opts.Log.Error("the state of updates could not be saved: nothing new is said until it can", "err", err)
	case err == nil && w.broken:
		w.opts.Log.Info("the state of updates is saved again")
	}
	w.broken = err != nil
	w.dirty = w.dirty && err != nil
	return err == nil
}
