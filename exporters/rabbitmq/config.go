package rabbitmq

import (
	"cmp"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/lazy"
	"tocsin/internal/problem"
	"tocsin/internal/secret"
)

// How a broker is measured.
const (
	ModeAuto       = "auto"
	ModePlugin     = "plugin"
	ModeManagement = "management"
)

// What the site file need not say.
const (
	defaultTimeout = 10 * time.Second
	defaultTop     = 100
	maxTop         = 10_000
	pluginPort     = "15692"
)

// Config is a broker to be measured.
type Config struct {
	// Name is what the broker is called; needs: and its page use it.
	Name string `yaml:"name"`
	// URL is its management API's.
	URL string `yaml:"url"`
	// MetricsURL is the page of its plugin rabbitmq_prometheus; port 15692 of
	// url's host if left out.
	MetricsURL string `yaml:"metrics_url,omitempty"`
	// Mode is plugin, management, or auto: the plugin where it answers, else
	// the management API.
	Mode string `yaml:"mode,omitempty"`
	// Username and Password are a user with the tag monitoring.
	Username     string      `yaml:"username,omitempty"`
	Password     secret.Text `yaml:"password,omitempty"`
	PasswordFile string      `yaml:"password_file,omitempty"`
	// CAFile has the authorities that its certificate comes from; the
	// system's if left out.
	CAFile string `yaml:"ca_file,omitempty"`
	// Timeout is how long one answer of the broker may take.
	Timeout model.Duration `yaml:"timeout,omitempty"`
	// Cluster counts the queues, connections and channels of the whole cluster
	// where the management API is asked, for one entry that stands for all
	// nodes. Without it those of the node that answers, as its plugin does.
	Cluster bool `yaml:"cluster,omitempty"`
	// Families are those of the plugin's page /metrics/detailed that are sent
	// beside the sums, as queue_coarse_metrics.
	Families []string `yaml:"families,omitempty"`
	// Vhosts are the virtual hosts whose queues are told one by one; all if
	// left out.
	Vhosts []string `yaml:"vhosts,omitempty"`
	// Queues are those that are told one by one. Without it, vhosts and families
	// none is.
	Queues Filter `yaml:"queues,omitempty"`
	// Top is how many of those queues are told: the ones with most messages.
	Top int `yaml:"top,omitempty"`

	Watching `yaml:",inline"`
}

// A Filter chooses queues by their names. The expressions are not anchored.
type Filter struct {
	// Include is which are told, as a regular expression (RE2).
	Include string `yaml:"include,omitempty"`
	// Exclude is which of them are not.
	Exclude string `yaml:"exclude,omitempty"`
}

// queueFamilies are sent of queues that are chosen, where families says
// nothing.
var queueFamilies = []string{"queue_coarse_metrics", "queue_consumer_count"}

// SetDefaults fills what the site file left out.
func (c *Config) SetDefaults() {
	c.Mode = cmp.Or(c.Mode, ModeAuto)
	c.Timeout = cmp.Or(c.Timeout, model.Duration(defaultTimeout))
	c.Top = cmp.Or(c.Top, defaultTop)
	if c.Families == nil && (c.Queues != (Filter{}) || len(c.Vhosts) > 0) {
		c.Families = slices.Clone(queueFamilies)
	}
	c.setDefaults(c)
}

// Validate adds what is wrong with it. Its name is judged by internal/config,
// as all names are.
func (c *Config) Validate(p problem.List) {
	switch {
	case c.URL == "" && c.Mode == ModePlugin && c.MetricsURL != "":
	case c.URL == "":
		p.At("url").Addf("is missing; write its URL, as http://127.0.0.1:15672")
	default:
		validateURL(p.At("url"), c.URL, "http://127.0.0.1:15672")
	}
	if c.MetricsURL != "" {
		validateURL(p.At("metrics_url"), c.MetricsURL, "http://127.0.0.1:15692/metrics")
		if c.Mode == ModeManagement {
			p.At("metrics_url").Addf("is the plugin's, which mode: management does not ask; take one of the two away")
		}
	}
	if !slices.Contains([]string{ModeAuto, ModePlugin, ModeManagement}, c.Mode) {
		p.At("mode").Addf("is none; write auto, plugin or management")
	}
	if !c.Password.IsZero() && c.PasswordFile != "" {
		p.At("password_file").Addf("password is given too; keep one of the two, better the file")
	}
	if c.Username == "" && (!c.Password.IsZero() || c.PasswordFile != "") {
		p.At("username").Addf("a password needs a username; write the name it belongs to")
	}
	if d := time.Duration(c.Timeout); d < time.Second || d > time.Minute {
		p.At("timeout").Addf("%s is not between 1s and 1m; usual is %s", c.Timeout, defaultTimeout)
	}
	if c.Top < 1 || c.Top > maxTop {
		p.At("top").Addf("%d is not between 1 and %d; usual is %d", c.Top, maxTop, defaultTop)
	}
	for i, f := range c.Families {
		if !familyName().MatchString(f) {
			p.At("families").Index(i).Addf("is no family of /metrics/detailed; write one as queue_coarse_metrics")
		}
	}
	for i, v := range c.Vhosts {
		if v == "" {
			p.At("vhosts").Index(i).Addf("is empty; write the name of a virtual host, as /")
		}
	}
	c.Queues.validate(p.At("queues"))
	c.validate(p, c)
}

func (f Filter) validate(p problem.List) {
	if _, err := regexp.Compile(f.Include); err != nil {
		p.At("include").Addf("%v; write a regular expression, as ^orders\\.", err)
	}
	if _, err := regexp.Compile(f.Exclude); err != nil {
		p.At("exclude").Addf("%v; write a regular expression, as ^amq\\.gen", err)
	}
}

var familyName = lazy.Regexp(`^[a-z][a-z_]{1,63}$`)

func validateURL(p problem.List, text, example string) {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		p.Addf("is no URL of a web page; write one as %s", example)
	case u.User != nil:
		p.Addf("has a user or a password in it; write them as username and password_file")
	case u.RawQuery != "" || u.Fragment != "":
		p.Addf("must end with its path; take away what follows ? or #")
	}
}

// Secret is the user's password.
func (c *Config) Secret() secret.Source {
	return secret.Source{Value: c.Password, File: c.PasswordFile}
}

// MetricsPage is the URL of the plugin's page: as the site file says, or made
// of the management API's.
func (c *Config) MetricsPage() string {
	if c.MetricsURL != "" {
		u, err := url.Parse(c.MetricsURL)
		if err == nil && strings.Trim(u.Path, "/") == "" {
			u.Path = "/metrics"
			return u.String()
		}
		return c.MetricsURL
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: "http", Host: net.JoinHostPort(u.Hostname(), pluginPort), Path: "/metrics"}).String()
}

// Local tells whether the broker is asked on this machine.
func (c *Config) Local() bool {
	u, err := url.Parse(cmp.Or(c.URL, c.MetricsURL))
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
