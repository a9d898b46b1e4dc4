package engine

import (
	"context"
	"errors"
	"path/filepath"

	"tocsin/internal/sd"
)

// Apply changes the settings of a running engine. Everything that can fail is
// tried first; on an error the old settings go on.
func (e *Engine) Apply(s Settings) error {
	if s.Voice == nil {
		return errors.New("engine: no voice")
	}
	if err := CheckRules(s.Rules); err != nil {
		return err
	}
	dir := filepath.Join(e.opts.DataDir, "hosts")
	if err := prepareSub(dir); err != nil {
		return err
	}
	fresh := map[string]*remote{}
	for _, h := range s.Hosts {
		r, err := newRemote(h, dir, e.log, func(list []sd.Group) { e.scraping.set(h.pool(), list) })
		if err != nil {
			return err
		}
		fresh[h.Name] = r
	}
	if err := e.rules.apply(s.Rules, e.opts.ExternalURL); err != nil {
		return err
	}
	// From here on nothing is expected to fail: what the hosts need was opened
	// above. Lists that are no longer wanted end before their pools do.
	e.dismiss(fresh)
	if err := e.scraping.apply(s.Hosts); err != nil {
		return err
	}
	e.receiver.setVoice(s.Voice)
	e.watch(fresh)
	return nil
}

// dismiss ends the lists of hosts that are gone or changed, and takes those
// that did not change out of fresh: they go on as they are.
func (e *Engine) dismiss(fresh map[string]*remote) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for name, old := range e.remotes {
		if r, ok := fresh[name]; ok && sameHost(r.host, old.host) {
			delete(fresh, name)
			continue
		}
		old.cancel()
		<-old.done
		delete(e.remotes, name)
	}
}

func (e *Engine) watch(fresh map[string]*remote) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for name, r := range fresh {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		e.remotes[name] = &watchedHost{r, cancel, done}
		go func() {
			defer close(done)
			r.run(ctx)
		}()
	}
}
