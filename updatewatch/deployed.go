package updatewatch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"tocsin/internal/debian"
)

const (
	askAtOnce   = 8   // deployments
	longestWord = 200 // bytes of what a deployment says of its version
)

// told lists who tells what is deployed of a project; "" is the site file.
func (w *watched) told() []string {
	if len(w.DeployedFrom) == 0 {
		return []string{""}
	}
	return w.DeployedFrom
}

// askDeployed asks all who tell what is deployed, a few at a time.
func (w *Watcher) askDeployed(ctx context.Context) map[string]running {
	all := map[string]running{}
	var mu sync.Mutex // guards all
	var wg sync.WaitGroup
	slots := make(chan struct{}, askAtOnce)
	asked := map[string]bool{"": true}
	for _, p := range w.all {
		for _, from := range p.told() {
			if asked[from] {
				continue
			}
			asked[from] = true
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				r := w.ask(ctx, from)
				mu.Lock()
				defer mu.Unlock()
				all[from] = r
			})
		}
	}
	wg.Wait()
	return all
}

// ask asks one of them.
func (w *Watcher) ask(ctx context.Context, from string) running {
	if name, ok := strings.CutPrefix(from, "package/"); ok {
		v, err := w.dpkg.version(name)
		return said(v, err)
	}
	if w.opts.Deployed == nil {
		return running{Error: "nobody here can ask it"}
	}
	v, err := w.opts.Deployed(ctx, from)
	if len(v) > longestWord {
		return running{Error: "its version is too long to be one"}
	}
	return said(v, err)
}

func said(version string, err error) running {
	if err != nil {
		return running{Error: err.Error()}
	}
	return running{Version: version}
}

// hear notes what was said, and tells whether that changed anything. What does
// not answer now still runs what it ran; a package that is gone runs no more.
func (k *known) hear(from string, r running) (changed bool) {
	old := k.Runs[from]
	if r.Version == "" && !strings.HasPrefix(from, "package/") {
		r.Version = old.Version
	}
	if _, heard := k.Runs[from]; heard && r == old {
		return false
	}
	if k.Runs == nil {
		k.Runs = map[string]running{}
	}
	k.Runs[from] = r
	return true
}

// packages reads dpkg's list of installed packages, anew when it has changed.
type packages struct {
	path string

	mu        sync.Mutex // guards what follows
	changed   time.Time
	installed map[string]string
}

func (p *packages) version(name string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	info, err := os.Stat(p.path)
	if err == nil && !info.ModTime().Equal(p.changed) {
		var installed map[string]string
		if installed, err = installedPackages(p.path); err == nil {
			p.installed, p.changed = installed, info.ModTime()
		}
	}
	if err != nil {
		return "", fmt.Errorf("read the list of packages: %w", err)
	}
	if v := p.installed[name]; v != "" {
		return v, nil
	}
	return "", errors.New("this package is not installed here")
}

// installedPackages reads dpkg's status file.
func installedPackages(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := debian.ReadStatus(f)
	installed := make(map[string]string, len(all))
	for _, p := range all {
		if p.State == "installed" {
			installed[p.Name] = p.Version
		}
	}
	return installed, err
}
