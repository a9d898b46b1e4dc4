package migrate

import (
	"net"
	"slices"
	"strings"

	"tocsin/internal/lazy"
	"tocsin/internal/migrate/foreign"
)

// PrometheusInput is what the migration of a Prometheus starts from.
type PrometheusInput struct {
	Name         string // of prometheus.yml; what it names is relative to it
	Data         []byte
	Blackbox     string // of blackbox.yml; empty where it is not given
	BlackboxData []byte
	Hostname     string // what this machine is called
	Read         Reader
}

// Prometheus makes a site file of prometheus.yml: node_exporters become hosts,
// what blackbox_exporter looks at becomes probes, with job and instance as
// they were; rules stay where they are.
func Prometheus(in PrometheusInput) (*Result, error) {
	config, err := foreign.Parse(in.Name, in.Data)
	if err != nil {
		return nil, err
	}
	if err := config.MustBe("configuration of Prometheus", "scrape_configs", "global", "rule_files", "alerting"); err != nil {
		return nil, err
	}
	p := &prometheus{in: in, site: newMapping(), names: map[string]bool{}, labels: map[[2]string]bool{}, pages: map[string]bool{}}
	if in.Blackbox != "" {
		modules, err := foreign.Parse(in.Blackbox, in.BlackboxData)
		if err != nil {
			return nil, err
		}
		if err := modules.MustBe("configuration of blackbox_exporter", "modules"); err != nil {
			return nil, err
		}
		p.modules = modules.Get("modules")
	}
	p.unread(config, "", prometheusKeys)
	p.global(config.Get("global"))
	for _, job := range config.Get("scrape_configs").List() {
		p.job(job)
	}
	if !p.self.empty() {
		p.site.set("host", p.self)
	}
	if len(p.hosts) > 0 {
		p.site.set("hosts", p.hosts, "Each host needs a Tocsin of its own, at this address: tocsin migrate node_exporter makes",
			"its site file of the flags there. Until then the node_exporter there is asked as before.")
	}
	if len(p.probes) > 0 {
		p.site.set("probes", p.probes)
	}
	if err := p.rules(config.Get("rule_files")); err != nil {
		return nil, err
	}
	return p.finish(p.site,
		"What prometheus.yml says, as a site file of Tocsin.",
		"Put it to /etc/tocsin/tocsin.yml, with what tocsin migrate alertmanager makes, and prove it: tocsin check")
}

// prometheus is a configuration on its way into a site file.
type prometheus struct {
	report
	in           PrometheusInput
	modules      foreign.Value
	site         *mapping
	self         *mapping // this machine
	hosts        []*mapping
	probes       []*mapping
	names        map[string]bool    // of hosts
	labels       map[[2]string]bool // job and instance
	pages        map[string]bool    // of probes
	count, files int
}

const (
	noScraper = "Tocsin scrapes its own targets only"
	limits    = "Tocsin bounds the size and the number of series of each page itself; nothing to do"
	stored    = "Tocsin's engine keeps 100 days, within 5 GB; write engine: {retention: 100d, size: 5GB} to change it"
)

var prometheusKeys = keys{
	"global": "", "scrape_configs": "", "rule_files": "",
	"alerting":            "Alertmanager's pipeline is part of Tocsin; tocsin migrate alertmanager FILE takes its file over",
	"scrape_config_files": "is not followed; give each of these files by itself",
	"remote_write":        "this version sends its samples nowhere; let the other Prometheus scrape /sd (README, \"Beside an existing Prometheus\")",
	"remote_read":         "Tocsin asks nobody else's storage; give Grafana both data sources",
	"storage":             stored,
	"tracing":             "Tocsin sends no traces; nothing to do",
	"otlp":                "Tocsin takes no OTLP; keep a Prometheus for it",
	"runtime":             "Tocsin sets Go's memory limit and garbage collection itself; nothing to do",
}

var globalKeys = keys{
	"external_labels": "",
	"scrape_interval": "Tocsin measures hosts each 5s and probes each 30s; write intervals: {node: ..., probe: ...} to change it",
	"scrape_timeout":  "each target has a deadline below its interval; a probe's is its key timeout", "scrape_protocols": limits,
	"evaluation_interval": "Tocsin evaluates rules each few seconds, those over long ranges each minute; a group's own interval stays", "rule_query_offset": "rules are evaluated at once; nothing to do",
	"query_log_file": "Tocsin logs no queries", "scrape_failure_log_file": "failures are on the page / and in tocsin_collector_success; nothing to do",
	"body_size_limit": limits, "sample_limit": limits, "target_limit": limits, "label_limit": limits,
	"label_name_length_limit": limits, "label_value_length_limit": limits, "keep_dropped_targets": limits,
}

func (p *prometheus) global(v foreign.Value) {
	p.self = newMapping()
	p.unread(v, "global", globalKeys)
	labels := map[string]string{}
	for _, l := range v.Get("external_labels").Pairs() {
		value := l.Value.Text()
		if why := badLabel(l.Key, value); why != "" {
			p.losef(l.Value.Place(), "external_labels."+l.Key, "%s", why)
			continue
		}
		labels[l.Key] = value
	}
	if len(labels) > 0 {
		p.site.set("labels", labels, "The external labels. Here they are on the series themselves, too.")
	}
}

var (
	labelName = lazy.Regexp(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	ownLabels = []string{"job", "instance", "host", "from", "brick", "kind", "alertname", "severity", "le", "quantile"}
)

// badLabel says why a label cannot be one of the site's or of a target.
func badLabel(name, value string) string {
	switch {
	case !labelName().MatchString(name) || strings.HasPrefix(name, "__"):
		return "is no name for a label in Tocsin; use letters, digits and _"
	case slices.Contains(ownLabels, name):
		return "Tocsin sets this label itself; choose another name"
	case userinfo().MatchString(value):
		return "has an address with a user in it, which is not repeated here; take it out"
	case strings.Contains(value, "${"):
		return "stands for a variable of the environment; write its value under labels"
	case value == "" || len(value) > 200:
		return "a label has 1 to 200 bytes; shorten it"
	}
	return ""
}

// job carries the targets of a scrape configuration over.
func (p *prometheus) job(job foreign.Value) {
	name := job.Get("job_name").Text()
	p.unread(job, "job "+name, jobKeys)
	for _, t := range p.targets(job) {
		switch {
		case strings.Contains(t.labels["__metrics_path__"], "probe") && t.labels["__param_target"] != "":
			p.probe(t)
		case isNode(t):
			p.host(t)
		default:
			p.losef(t.place, "job "+name+", target "+t.shown(), "%s", instead(t))
		}
	}
}

const discovery = "Tocsin looks targets up nowhere; write each host under hosts, with the job and instance that Prometheus shows"

var jobKeys = keys{
	"job_name": "", "static_configs": "", "file_sd_configs": "", "relabel_configs": "", "params": "",
	"metrics_path": "", "scheme": "", "tls_config": "", "basic_auth": "", "scrape_interval": "", "scrape_timeout": "",
	"metric_relabel_configs": "names and labels stay those of the exporters, so that dashboards work; leave series out by the filters below host:, or in the query",
	"honor_labels":           "Tocsin's pages have no job and instance in them; nothing to do",
	"honor_timestamps":       limits, "track_timestamps_staleness": limits, "scrape_protocols": limits, "fallback_scrape_protocol": limits,
	"body_size_limit": limits, "sample_limit": limits, "target_limit": limits, "label_limit": limits, "keep_dropped_targets": limits,
	"label_name_length_limit": limits, "label_value_length_limit": limits, "enable_compression": limits, "enable_http2": limits, "follow_redirects": limits,
	"scrape_classic_histograms": limits, "always_scrape_classic_histograms": limits, "native_histogram_bucket_limit": limits,
	"authorization": "hosts are asked with username and password_file; let the Tocsin there have web.users_file",
	"bearer_token":  "hosts are asked with username and password_file; let the Tocsin there have web.users_file", "bearer_token_file": "hosts are asked with username and password_file; let the Tocsin there have web.users_file",
	"oauth2":            "hosts are asked with username and password_file; let the Tocsin there have web.users_file",
	"proxy_url":         "Tocsin asks its hosts directly; open the way to port 10617",
	"consul_sd_configs": discovery, "dns_sd_configs": discovery, "http_sd_configs": discovery, "kubernetes_sd_configs": discovery, "docker_sd_configs": discovery,
	"dockerswarm_sd_configs": discovery, "ec2_sd_configs": discovery, "gce_sd_configs": discovery, "azure_sd_configs": discovery, "hetzner_sd_configs": discovery,
	"openstack_sd_configs": discovery, "puppetdb_sd_configs": discovery, "scaleway_sd_configs": discovery, "ovhcloud_sd_configs": discovery, "digitalocean_sd_configs": discovery,
	"serverset_sd_configs": discovery, "nerve_sd_configs": discovery, "triton_sd_configs": discovery, "eureka_sd_configs": discovery, "nomad_sd_configs": discovery,
}

// exporters are the ports of well-known exporters, and what Tocsin has instead.
//
// Source: Prometheus' wiki, "Default port allocations".
var exporters = map[string]string{
	"9187":  `write on the Tocsin of that machine: postgres: [{name: main, dsn: "postgres:///postgres?host=/run/postgresql", job: %[1]q, instance: %[2]q}]`,
	"15692": `write: rabbitmq: [{name: bus, url: "http://%[3]s:15672", username: monitor, password_file: /etc/tocsin/rabbitmq, job: %[1]q, instance: %[2]q}]`,
	"9419":  `write: rabbitmq: [{name: bus, url: "http://%[3]s:15672", username: monitor, password_file: /etc/tocsin/rabbitmq, job: %[1]q, instance: %[2]q}]`,
	"9121":  `write on the Tocsin of that machine: bricks: [{kind: redis, url: "redis://127.0.0.1:6379", job: %[1]q, instance: %[2]q}]`,
	"9113":  `write on the Tocsin of that machine: bricks: [{kind: nginx, url: ..., job: %[1]q, instance: %[2]q}]; tocsin bricks show nginx has the address`,
	"9090":  `Tocsin's engine takes the place of this Prometheus, and its own numbers are on /metrics; as long as it runs it can be watched: bricks: [{kind: prometheus, url: "http://%[2]s"}]`,
	"9093":  `Alertmanager's pipeline is part of Tocsin, and its numbers are on /metrics; nothing to do`,
	"9115":  `Tocsin's probes take the place of blackbox_exporter, whose own numbers nobody needs then; nothing to do`,
}

// instead says what to do about a target that Tocsin does not know.
func instead(t target) string {
	host, port, err := net.SplitHostPort(t.address())
	if what, ok := exporters[port]; err == nil && ok {
		return formatted(what, t.labels["job"], withoutSecret(t.labels["instance"]), withoutSecret(host))
	}
	return noScraper + "; if tocsin bricks list has this service, write it under bricks, with its job and instance; else write a kind of your own with an http_prometheus request (kind_files), or keep a Prometheus for it"
}
