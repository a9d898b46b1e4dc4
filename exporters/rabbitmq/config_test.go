package rabbitmq

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/problem"
	"tocsin/internal/secret"
)

func TestConfig_refuses(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"no url":              {func(c *Config) { c.URL = "" }, "url: is missing; write its URL, as http://127.0.0.1:15672"},
		"plugin without any":  {func(c *Config) { c.URL, c.Mode = "", ModePlugin }, "url: is missing"},
		"no scheme":           {func(c *Config) { c.URL = "127.0.0.1:15672" }, "url: is no URL of a web page; write one as http://127.0.0.1:15672"},
		"amqp":                {func(c *Config) { c.URL = "amqp://127.0.0.1" }, "url: is no URL of a web page"},
		"password in it":      {func(c *Config) { c.URL = "http://u:hunter2@h:15672" }, "url: has a user or a password in it; write them as username and password_file"},
		"query":               {func(c *Config) { c.MetricsURL = "http://h/metrics?x=1" }, "metrics_url: must end with its path"},
		"metrics of no use":   {func(c *Config) { c.MetricsURL, c.Mode = "http://h/", ModeManagement }, "metrics_url: is the plugin's, which mode: management does not ask"},
		"mode":                {func(c *Config) { c.Mode = "api" }, "mode: is none; write auto, plugin or management"},
		"both passwords":      {func(c *Config) { c.PasswordFile = "f" }, "password_file: password is given too; keep one of the two, better the file"},
		"password of nobody":  {func(c *Config) { c.Username = "" }, "username: a password needs a username"},
		"timeout":             {func(c *Config) { c.Timeout = model.Duration(time.Hour) }, "timeout: 1h is not between 1s and 1m; usual is 10s"},
		"top":                 {func(c *Config) { c.Top = -1 }, "top: -1 is not between 1 and 10000; usual is 100"},
		"family":              {func(c *Config) { c.Families = []string{"a&vhost=b"} }, "families[0]: is no family of /metrics/detailed; write one as queue_coarse_metrics"},
		"vhost":               {func(c *Config) { c.Vhosts = []string{"/", ""} }, "vhosts[1]: is empty; write the name of a virtual host, as /"},
		"queues":              {func(c *Config) { c.Queues.Include = "(" }, "queues.include: error parsing regexp"},
		"queues that are not": {func(c *Config) { c.Queues.Exclude = "[" }, "queues.exclude: error parsing regexp"},
	} {
		c := Config{Name: "bus", URL: "http://127.0.0.1:15672", Username: "monitor", Password: secret.New("hunter2")}
		test.change(&c)
		c.SetDefaults()
		p := problem.New()
		c.Validate(p)
		var found []string
		for _, f := range p.All() {
			found = append(found, f.Path+": "+f.Text)
		}
		if len(found) != 1 || !strings.HasPrefix(found[0], test.want) || strings.Contains(found[0], "hunter2") {
			t.Errorf("%s: %q, want %q", name, found, test.want)
		}
	}
}

func TestConfig_wherePageIs(t *testing.T) {
	for c, want := range map[[2]string]string{
		{"http://bus:15672", ""}:                     "http://bus:15692/metrics true false",
		{"https://[::1]:15671/rabbit", ""}:           "http://[::1]:15692/metrics true true",
		{"http://127.0.0.1:15672", "https://m:1/"}:   "https://m:1/metrics true true",
		{"http://localhost:15672", "http://m/bus/p"}: "http://m/bus/p true true",
		{"", "http://127.0.0.1:15692"}:               "http://127.0.0.1:15692/metrics true true",
	} {
		cfg := Config{URL: c[0], MetricsURL: c[1]}
		cfg.SetDefaults()
		if got := fmt.Sprint(cfg.MetricsPage(), " ", len(cfg.Families) == 0, " ", cfg.Local()); got != want {
			t.Errorf("%q: %s, want %s", c, got, want)
		}
	}
}
