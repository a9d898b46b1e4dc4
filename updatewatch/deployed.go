package updatewatch

import (
	"context"
	"os"
	"strings"
	"sync"
	"time"

	"tocsin/internal/debian"
	"tocsin/updatewatch/version"
)

// deployed returns what is said to run here, as it was said; empty where
// nobody says.
func (w *Watcher) deployed(ctx context.Context, p *watched) string {
	kind, name, _ := strings.Cut(p.DeployedFrom, "/")
	switch {
	case p.Deployed != "":
		return p.Deployed
	case kind == "package":
		v := w.dpkg.version(name)
		if p.scheme() != version.Deb {
			v = version.Upstream(v)
		}
		return v
	case kind != "" && w.opts.Deployed != nil:
		if v, ok := w.opts.Deployed(ctx, p.Project); ok && len(v) <= 200 {
			return v
		}
		// A service that does not answer now still runs what it ran.
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.state.Projects[p.Name].Deployed
	}
	return ""
}

// packages reads dpkg's list of installed packages, anew when it has changed.
type packages struct {
	path string

	mu        sync.Mutex // guards what follows
	changed   time.Time
	installed map[string]string
}

func (p *packages) version(name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	info, err := os.Stat(p.path)
	if err != nil {
		return ""
	}
	if !info.ModTime().Equal(p.changed) {
		if installed, err := installedPackages(p.path); err == nil {
			p.installed, p.changed = installed, info.ModTime()
		}
	}
	return p.installed[name]
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
