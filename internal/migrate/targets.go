package migrate

import (
	"maps"
	"path/filepath"
	"strings"

	"tocsin/internal/migrate/foreign"
)

// Bounds of what one prometheus.yml may name.
const (
	maxTargets = 5000
	maxFiles   = 200
)

// A target is one that Prometheus scrapes, with its labels after relabelling.
type target struct {
	place  string
	labels map[string]string
	job    foreign.Value // its scrape configuration
}

func (t target) address() string { return t.labels["__address__"] }

// shown is the address as it may be told: a user, a path and a query in it
// are nobody's business.
func (t target) shown() string { return withoutSecret(t.address()) }

func withoutSecret(address string) string {
	scheme, rest, hasScheme := strings.Cut(address, "://")
	if !hasScheme {
		scheme, rest = "", address
	}
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	if hasScheme {
		return scheme + "://" + rest
	}
	return rest
}

// own returns the labels that are left on its series, but for job and
// instance, which have keys of their own.
func (t target) own() map[string]string {
	out := map[string]string{}
	for name, value := range t.labels {
		if !strings.HasPrefix(name, "__") && name != "job" && name != "instance" {
			out[name] = value
		}
	}
	return out
}

// targets finds the targets of one scrape configuration.
func (p *prometheus) targets(job foreign.Value) []target {
	name := job.Get("job_name").Text()
	steps, why, place := relabellings(job.Get("relabel_configs"))
	if why != "" {
		p.losef(place, "job "+name, "%s, so that none of its targets is carried; write them by hand, with the job and instance that Prometheus shows", why)
		return nil
	}
	groups := job.Get("static_configs").List()
	for _, sd := range job.Get("file_sd_configs").List() {
		groups = append(groups, p.listed(sd.Get("files"))...)
	}
	var all []target
	for _, group := range groups {
		for _, address := range group.Get("targets").List() {
			if p.count++; p.count > maxTargets {
				p.losef(address.Place(), "job "+name, "has more than %d targets with those before; a site has some hundred, and the rest is not carried", maxTargets)
				return all
			}
			t := target{place: address.Place(), job: job, labels: defaultLabels(job)}
			t.labels["__address__"] = address.Text()
			for _, l := range group.Get("labels").Pairs() {
				put(t.labels, l.Key, l.Value.Text())
			}
			if !relabelled(t.labels, steps) {
				p.losef(t.place, "a target of job "+name, "Prometheus drops it by relabelling too; nothing to do")
				continue
			}
			if t.labels["instance"] == "" {
				t.labels["instance"] = t.address()
			}
			all = append(all, t)
		}
	}
	return all
}

// defaultLabels are those that a target has before relabelling.
//
// Source: Prometheus, "Configuration", relabel_config.
func defaultLabels(job foreign.Value) map[string]string {
	labels := map[string]string{"job": job.Get("job_name").Text(), "__scheme__": "http", "__metrics_path__": "/metrics"}
	put(labels, "__scheme__", or(job.Get("scheme").Text(), "http"))
	put(labels, "__metrics_path__", or(job.Get("metrics_path").Text(), "/metrics"))
	for _, param := range job.Get("params").Pairs() {
		if values := param.Value.Texts(); len(values) > 0 {
			put(labels, "__param_"+param.Key, values[0])
		}
	}
	return maps.Clone(labels)
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// listed reads the files of file_sd_configs.
func (p *prometheus) listed(files foreign.Value) []foreign.Value {
	var groups []foreign.Value
	for i, pattern := range files.Texts() {
		place := files.Place()
		if l := files.List(); i < len(l) {
			place = l[i].Place()
		}
		paths, err := filepath.Glob(p.path(pattern))
		if err != nil || len(paths) == 0 {
			p.losef(place, "file_sd_configs", "no file fits here; run this where Prometheus runs, or write the targets by hand")
		}
		for _, path := range paths {
			if p.files++; p.files > maxFiles {
				p.losef(place, "file_sd_configs", "names more than %d files with those before; the rest is not carried", maxFiles)
				return groups
			}
			data, err := p.in.Read(path)
			if err != nil {
				p.losef(place, "file_sd_configs", "a file of it cannot be read; run this as a user that may, or write its targets by hand")
				continue
			}
			list, err := foreign.Parse(path, data) // JSON is YAML
			if err != nil {
				p.losef(place, "file_sd_configs", "a file of it is neither YAML nor JSON: %v", err)
				continue
			}
			groups = append(groups, list.List()...)
		}
	}
	return groups
}

// path makes a path of prometheus.yml a full one: it is relative to the file.
func (p *prometheus) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	full, err := filepath.Abs(filepath.Join(filepath.Dir(p.in.Name), name))
	if err != nil {
		return name
	}
	return full
}
