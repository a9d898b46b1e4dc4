package migrate

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/lazy"
	"tocsin/internal/problem"
	"tocsin/internal/strict"
	"tocsin/probes"
)

// formatted is Sprintf for texts that need not use all of their arguments.
func formatted(text string, job, instance, host string) string {
	text = fmt.Sprintf(text, job, instance, host)
	before, _, _ := strings.Cut(text, "%!(EXTRA")
	return before
}

var (
	nodeJob  = lazy.Regexp(`(?i)(^|[^a-z])nodes?([^a-z]|$)|node.?exporter`)
	hostName = lazy.Regexp(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?$`)
)

// isNode tells whether a target is probably a node_exporter: by its port or by
// its job's name.
func isNode(t target) bool {
	_, port, _ := net.SplitHostPort(t.address())
	return (port == "9100" || nodeJob().MatchString(t.job.Get("job_name").Text())) && t.labels["__metrics_path__"] == "/metrics"
}

// host carries a node_exporter over.
func (p *prometheus) host(t target) {
	what := "job " + t.job.Get("job_name").Text() + ", target " + t.shown()
	name, port, err := net.SplitHostPort(t.address())
	if err != nil {
		name, port = t.address(), "80"
	}
	if net.ParseIP(name) == nil && !hostName().MatchString(name) {
		p.losef(t.place, what, "is no host's name with a port; write it under hosts")
		return
	}
	if !p.claim(t, what) {
		return
	}
	if ip := net.ParseIP(name); name == "localhost" || name == p.in.Hostname || ip != nil && ip.IsLoopback() {
		p.thisMachine(t, what)
		return
	}
	h, address := newMapping(), net.JoinHostPort(name, port)
	if p.names[name] {
		name = address
	}
	if p.names[name] {
		p.losef(t.place, what, "is a host already, under another job or instance; a host has one page, so choose one of them")
		return
	}
	p.names[name] = true
	h.set("address", address)
	h.set("name", name)
	h.set("job", t.labels["job"])
	h.set("instance", t.labels["instance"])
	if labels := p.ownLabels(t, what); len(labels) > 0 {
		h.set("labels", labels)
	}
	comment := p.access(t, h, what)
	if _, port, _ := net.SplitHostPort(t.address()); port != "9100" || !nodeJob().MatchString(t.job.Get("job_name").Text()) {
		comment = append(comment, "Judge: is this a node_exporter? Its port or its job says so, not both. If not, take it away.")
	}
	h.note(comment...)
	p.hosts = append(p.hosts, h.inline())
}

// claim refuses a target whose job and instance another has already.
func (p *prometheus) claim(t target, what string) bool {
	l := [2]string{t.labels["job"], t.labels["instance"]}
	if userinfo().MatchString(l[0] + " " + l[1]) {
		p.losef(t.place, what, "its label instance has a user in it, which is not repeated here; write the entry by hand")
		return false
	}
	if p.labels[l] {
		p.losef(t.place, what, "has the job and instance of another target that is carried; give it another instance, and write it by hand")
		return false
	}
	p.labels[l] = true
	return true
}

// thisMachine keeps the labels of the machine that the Prometheus runs on.
func (p *prometheus) thisMachine(t target, what string) {
	if !p.self.empty() {
		p.losef(t.place, what, "this machine is watched already, under another job or instance; it has one page, so choose one of them")
		return
	}
	p.self.set("job", t.labels["job"], "This machine, which Tocsin measures itself.")
	p.self.set("instance", t.labels["instance"])
	for _, name := range slices.Sorted(maps.Keys(t.own())) {
		p.losef(t.place, what+", label "+name, "labels of this machine are those of the site; write it under labels, where all series get it")
	}
}

// ownLabels are the labels of a target that Tocsin can keep.
func (p *prometheus) ownLabels(t target, what string) map[string]string {
	labels := t.own()
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if why := badLabel(name, labels[name]); why != "" {
			p.losef(t.place, what+", label "+name, "%s", why)
			delete(labels, name)
		}
	}
	return labels
}

// access carries over how a host is asked. It returns what has to be said.
func (p *prometheus) access(t target, h *mapping, what string) []string {
	var comment []string
	auth, tls := t.job.Get("basic_auth"), t.job.Get("tls_config")
	if t.labels["__scheme__"] == "https" {
		keys := newMapping()
		for _, key := range []string{"ca_file", "cert_file", "key_file"} {
			if file := tls.Get(key).Text(); file != "" {
				keys.set(key, p.path(file))
			}
		}
		keys.setText("server_name", tls.Get("server_name").Text())
		if keys.empty() {
			h.set("tls", true)
		} else {
			h.set("tls", keys.inline())
		}
		if tls.Get("insecure_skip_verify").True() {
			p.losef(tls.Get("insecure_skip_verify").Place(), "insecure_skip_verify", "a host's certificate is always verified; write tls: {ca_file: ...} with the authority it comes from")
		}
	}
	if auth.Is() && auth.Get("username").Text() == "" {
		p.losef(auth.Place(), what, "its user is not written here; write username and password_file")
	} else if auth.Is() {
		h.set("username", auth.Get("username").Text())
		file := auth.Get("password_file").Text()
		if file == "" {
			file = secretFile(t.job.Get("job_name").Text())
			comment = append(comment, makeFile(file, auth.Get("password").Place()+" (password)"))
			h.set("password_file", file)
		} else {
			h.set("password_file", p.path(file))
		}
	}
	return comment
}

// secretFile is where a secret is to be put that stood in the old file.
func secretFile(parts ...string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(strings.Join(parts, "-")))
	return "/etc/tocsin/" + strings.Trim(name[:min(len(name), 64)], "-")
}

func makeFile(file, place string) string {
	return "Make " + file + " (mode 0640, for the group that runs tocsin): its content stands at " + place + "."
}

// secretQuery finds queries that may hold secrets.
var secretQuery = lazy.Regexp(`(?i)(token|key|secret|passw|pwd|sig|auth|code|session)[^=&]*=`)

// probe carries over what blackbox_exporter looks at.
func (p *prometheus) probe(t target) {
	job := t.job.Get("job_name").Text()
	module, address := or(t.labels["__param_module"], "http_2xx"), t.labels["__param_target"]
	what := "job " + job + ", a target of module " + module
	if p.modules.Is() && !p.modules.Get(module).Is() {
		p.losef(t.place, what, "the module is not in %s; write the probe by hand", p.in.Blackbox)
		return
	}
	prober := p.modules.Get(module).Get("prober").Text()
	if !p.modules.Is() && strings.HasPrefix(module, "http") {
		prober = "http"
	}
	if prober != "http" {
		p.losef(t.place, what, "%s", otherProber(prober))
		return
	}
	if !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://") {
		address = "http://" + address // as blackbox_exporter does
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "":
		p.losef(t.place, what, "is no URL; write the probe by hand")
		return
	case u.User != nil || secretQuery().MatchString(u.RawQuery) || userinfo().MatchString(t.labels["instance"]):
		p.losef(t.place, what, "its address may hold a secret, which is not repeated here; write the probe by hand, with username and password_file, or a header from headers_file")
		return
	}
	m := newMapping()
	m.set("target", address)
	m.set("job", t.labels["job"])
	m.set("instance", t.labels["instance"])
	if labels := p.ownLabels(t, what); len(labels) > 0 {
		m.set("labels", labels)
	}
	p.clock(t, m)
	if !p.modules.Is() {
		if module != "http_2xx" {
			m.note("Judge: this was module " + module + ". Give --blackbox FILE, or write what it demanded (status, body, ...).")
		}
	} else {
		m.note(p.module(p.modules.Get(module), module, m)...)
	}
	p.accept(t, m, what)
}

// clock carries over how often a probe is made, where its job says so.
func (p *prometheus) clock(t target, m *mapping) {
	v := t.job.Get("scrape_interval")
	if !v.Is() {
		return
	}
	if d, err := model.ParseDuration(v.Text()); err != nil || time.Duration(d) < time.Second || time.Duration(d) > time.Hour {
		p.losef(v.Place(), "scrape_interval", "a probe is made each 1s to 1h; write interval at its entry")
		return
	}
	m.set("interval", v.Text())
}

// accept adds a probe to the site, if Tocsin would take it.
func (p *prometheus) accept(t target, m *mapping, what string) {
	cfg, wrong := asProbe(m)
	if wrong != "" {
		p.losef(t.place, what, "Tocsin would refuse it: %s", wrong)
		return
	}
	if !p.claim(t, what) {
		return
	}
	name := cfg.Slug()
	for i := 2; p.pages[name]; i++ {
		name = fmt.Sprintf("%.50s-%d", cfg.Slug(), i)
	}
	if name != cfg.Slug() {
		m.set("name", name)
	}
	p.pages[name] = true
	p.probes = append(p.probes, m)
}

// asProbe reads an entry as the site file will be read, and says what is wrong.
func asProbe(m *mapping) (cfg probes.Config, wrong string) {
	text, err := m.text()
	if err != nil {
		return cfg, err.Error()
	}
	at, faults := strict.Decode(text, &cfg)
	cfg.SetDefaults()
	found := problem.New()
	cfg.Validate(found)
	for _, f := range append(faults, at.Place(found.All())...) {
		return cfg, strings.TrimSpace(f.Path + " " + f.Text)
	}
	return cfg, ""
}
