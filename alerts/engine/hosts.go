package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	commonconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"

	"tocsin/internal/lazy"
	"tocsin/internal/sd"
	"tocsin/internal/secret"
)

const (
	listEvery   = 30 * time.Second
	listTimeout = 10 * time.Second
	maxList     = 4 << 20 // bytes of one host's list
	maxTargets  = 2000    // targets of one host
	defaultPort = "10617"
)

// allowedLabels are what a hub takes from another instance's list. Address,
// scheme, credentials and the label host come from the hub's own file.
var allowedLabels = []string{sd.LabelJob, sd.LabelInstance, "brick", "kind", sd.LabelInterval, sd.LabelTimeout}

// A Host is another machine of the site with its own Tocsin.
type Host struct {
	Name     string // the label host of all that runs there, and instance of its node target
	Instance string // overrides Name as instance of the node target: a migrated site keeps its old one
	Job      string // overrides "node" likewise
	Address  string // host:port; without a port 10617
	Labels   map[string]string
	TLS      *TLS // nil: plain HTTP
	Username string
	Password secret.Source
}

// sameHost tells whether nothing about a host changed.
func sameHost(a, b Host) bool { return reflect.DeepEqual(a, b) }

// TLS is how a host is spoken to.
type TLS struct {
	CAFile, CertFile, KeyFile, ServerName string
}

func (h Host) pool() string { return "host:" + h.Name }

func (h Host) scheme() string {
	if h.TLS != nil {
		return "https"
	}
	return "http"
}

func (h Host) address() string {
	if _, _, err := net.SplitHostPort(h.Address); err == nil {
		return h.Address
	}
	return net.JoinHostPort(strings.Trim(h.Address, "[]"), defaultPort)
}

func (h Host) clientConfig() (commonconfig.HTTPClientConfig, error) {
	c := commonconfig.DefaultHTTPClientConfig
	if h.Username != "" {
		password, err := h.Password.Read()
		if err != nil {
			return c, fmt.Errorf("host %s: %w", h.Name, err)
		}
		c.BasicAuth = &commonconfig.BasicAuth{Username: h.Username, Password: commonconfig.Secret(password.Reveal())}
		if h.Password.File != "" {
			c.BasicAuth.Password, c.BasicAuth.PasswordFile = "", h.Password.File
		}
	}
	if h.TLS != nil {
		c.TLSConfig = commonconfig.TLSConfig{CAFile: h.TLS.CAFile, CertFile: h.TLS.CertFile, KeyFile: h.TLS.KeyFile, ServerName: h.TLS.ServerName}
	}
	return c, nil
}

// Client speaks to the host's Tocsin with its TLS and the credentials for it.
// It follows no redirect: they are for that host alone.
func (h Host) Client() (*http.Client, error) {
	cfg, err := h.clientConfig()
	if err != nil {
		return nil, err
	}
	cfg.FollowRedirects = false
	client, err := commonconfig.NewClientFromConfig(cfg, h.pool())
	if err != nil {
		return nil, fmt.Errorf("host %s: %w", h.Name, err)
	}
	return client, nil
}

// URL is where the host's Tocsin answers, without a path.
func (h Host) URL() string { return h.scheme() + "://" + h.address() }

// node is the host's own page: a target whatever its list says, so that a host
// that is dead when the hub starts is an alert.
func (h Host) node() sd.Group {
	labels := maps.Clone(h.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[sd.LabelJob], labels[sd.LabelInstance] = "node", h.Name
	if h.Job != "" {
		labels[sd.LabelJob] = h.Job
	}
	if h.Instance != "" {
		labels[sd.LabelInstance] = h.Instance
	}
	labels["host"], labels["from"] = h.Name, h.Name
	labels[sd.LabelPath] = "/metrics"
	labels[sd.LabelInterval] = model.Duration(nodeInterval).String()
	labels[sd.LabelTimeout] = model.Duration(nodeInterval * 9 / 10).String()
	return sd.Group{Targets: []string{h.address()}, Labels: labels}
}

// remote keeps the list of one host: read again every half minute, the last
// good one on disk and used while it cannot be read.
type remote struct {
	host   Host
	file   string
	client *http.Client
	log    *slog.Logger
	set    func([]sd.Group)

	mu      sync.Mutex // guards what follows
	list    []sd.Group // as cleaned
	failing string
	since   time.Time
	lost    []string // targets that left the list without a change of our configuration
}

func newRemote(h Host, dir string, log *slog.Logger, set func([]sd.Group)) (*remote, error) {
	client, err := h.Client()
	if err != nil {
		return nil, err
	}
	r := &remote{
		host: h, client: client, set: set, log: log.With("host", h.Name),
		file: filepath.Join(dir, unsafeInFile().ReplaceAllString(h.Name, "_")+".json"),
	}
	if b, err := os.ReadFile(r.file); err == nil && len(b) <= maxList {
		if err := json.Unmarshal(b, &r.list); err != nil {
			r.log.Warn("kept list of targets is unreadable", "err", err)
		}
		r.list = h.clean(r.list) // address, labels and credentials are today's
	}
	return r, nil
}

var unsafeInFile = lazy.Regexp(`[^A-Za-z0-9.-]`)

// run reads the list until ctx ends.
func (r *remote) run(ctx context.Context) {
	defer r.client.CloseIdleConnections()
	r.set(r.groups())
	tick := time.NewTicker(listEvery)
	defer tick.Stop()
	for {
		r.refresh(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (r *remote) groups() []sd.Group {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]sd.Group{r.host.node()}, r.list...)
}

func (r *remote) refresh(ctx context.Context) {
	list, err := r.fetch(ctx)
	if ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	if err != nil {
		if r.failing == "" {
			r.since = time.Now()
			r.log.Warn("list of targets cannot be read, the last good one is used", "err", err, "targets", len(r.list))
		}
		r.failing = err.Error()
		r.mu.Unlock()
		return
	}
	if r.failing != "" {
		r.log.Info("list of targets is read again", "after", time.Since(r.since).Round(time.Second))
	}
	r.failing = ""
	gone := lost(r.list, list)
	for _, name := range gone {
		r.log.Warn("target left the list of its host, it is no longer watched", "target", name)
	}
	r.lost = slices.DeleteFunc(append(r.lost, gone...), func(name string) bool {
		return slices.ContainsFunc(list, func(g sd.Group) bool { return title(g) == name })
	})
	r.list = list
	r.mu.Unlock()
	if b, err := json.Marshal(list); err == nil {
		if err := writeFile(r.file, b); err != nil {
			r.log.Warn("list of targets could not be kept", "err", err)
		}
	}
	r.set(r.groups())
}

func title(g sd.Group) string { return g.Labels[sd.LabelJob] + " " + g.Labels[sd.LabelInstance] }

func lost(before, after []sd.Group) (gone []string) {
	for _, g := range before {
		if !slices.ContainsFunc(after, func(a sd.Group) bool { return title(a) == title(g) }) {
			gone = append(gone, title(g))
		}
	}
	return gone
}

// fetch reads the list, bounded in bytes and time, and cleans it.
func (r *remote) fetch(ctx context.Context) ([]sd.Group, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.host.scheme()+"://"+r.host.address()+"/sd", nil)
	if err != nil {
		return nil, fmt.Errorf("read list: %w", err)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("read list: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("read list: the host answered %d", resp.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxList+1))
	if err != nil {
		return nil, fmt.Errorf("read list: %w", err)
	}
	if len(b) > maxList {
		return nil, fmt.Errorf("read list: more than %d bytes", maxList)
	}
	var list []sd.Group
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, errors.New("read list: the answer is no list of targets: is this port Tocsin's?")
	}
	if len(list) > maxTargets {
		return nil, fmt.Errorf("read list: %d targets, at most %d are taken", len(list), maxTargets)
	}
	return r.host.clean(list), nil
}

// clean keeps what a hub believes of another instance: paths of pages, and the
// allowed labels.
func (h Host) clean(list []sd.Group) []sd.Group {
	var out []sd.Group
	for _, g := range list {
		path := g.Labels[sd.LabelPath]
		if path == "/metrics" {
			continue // the node page: ours already
		}
		if !strings.HasPrefix(path, "/metrics/") || strings.ContainsAny(path, "?#") || strings.Contains(path, "..") {
			continue
		}
		labels := maps.Clone(h.Labels)
		if labels == nil {
			labels = map[string]string{}
		}
		for _, name := range allowedLabels {
			if v, ok := g.Labels[name]; ok && len(v) <= maxLabelValue {
				labels[name] = v
			}
		}
		if labels[sd.LabelJob] == "" || labels[sd.LabelInstance] == "" || !intervalOK(labels) {
			continue
		}
		labels[sd.LabelPath] = path
		labels["host"], labels["from"] = h.Name, h.Name
		out = append(out, sd.Group{Targets: []string{h.address()}, Labels: labels})
	}
	return out
}

// intervalOK refuses what would make the hub scrape without pause or never.
func intervalOK(labels map[string]string) bool {
	interval, err1 := model.ParseDuration(labels[sd.LabelInterval])
	timeout, err2 := model.ParseDuration(labels[sd.LabelTimeout])
	return err1 == nil && err2 == nil && time.Duration(interval) >= time.Second &&
		time.Duration(interval) <= time.Hour && timeout > 0 && timeout <= interval
}
