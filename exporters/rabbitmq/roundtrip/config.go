package roundtrip

import (
	"cmp"
	"net/url"
	"strconv"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/problem"
	"tocsin/internal/secret"
)

// What the site file need not say.
const (
	defaultVhost    = "/"
	defaultInterval = time.Minute
	defaultTimeout  = 10 * time.Second
	maxURLs         = 8
)

// Config says over which ways a message is sent round.
type Config struct {
	// URLs are the broker's doors for applications: amqp://HOST:5672, and
	// amqps://HOST:5671 where it has TLS. A message is sent through each.
	URLs []string `yaml:"urls"`
	// Vhost is the virtual host of the test queue; / if left out. The user
	// needs these permissions there: configure and read tocsin\..*, write
	// tocsin\..*|amq\.default.
	Vhost string `yaml:"vhost,omitempty"`
	// Username and Password are those of a user who may make the test queue;
	// the user of the management API if left out.
	Username     string      `yaml:"username,omitempty"`
	Password     secret.Text `yaml:"password,omitempty"`
	PasswordFile string      `yaml:"password_file,omitempty"`
	// CAFile has the authorities that the certificate of amqps:// comes from;
	// the ca_file of the management API if left out, else the system's.
	CAFile string `yaml:"ca_file,omitempty"`
	// Interval is how often a message is sent round. After a failure it is
	// sent four times as often.
	Interval model.Duration `yaml:"interval,omitempty"`
	// Timeout is how long one may take, its connection included.
	Timeout model.Duration `yaml:"timeout,omitempty"`
}

// SetDefaults fills what the site file left out; what it does not say of the
// user and the authorities is the management API's.
func (c *Config) SetDefaults(username string, password secret.Source, caFile string) {
	c.Vhost = cmp.Or(c.Vhost, defaultVhost)
	c.Interval = cmp.Or(c.Interval, model.Duration(defaultInterval))
	c.Timeout = cmp.Or(c.Timeout, model.Duration(defaultTimeout))
	c.CAFile = cmp.Or(c.CAFile, caFile)
	if c.Username == "" && c.Password.IsZero() && c.PasswordFile == "" {
		c.Username, c.Password, c.PasswordFile = username, password.Value, password.File
	}
}

// Validate adds what is wrong with it.
func (c *Config) Validate(p problem.List) {
	switch {
	case len(c.URLs) == 0:
		p.At("urls").Addf("is missing; write the broker's doors for applications, as [amqp://127.0.0.1:5672]")
	case len(c.URLs) > maxURLs:
		p.At("urls").Addf("has %d doors; write at most %d", len(c.URLs), maxURLs)
	}
	seen := map[string]bool{}
	for i, text := range c.URLs {
		at := p.At("urls").Index(i)
		d, wrong := parse(text)
		if wrong != "" {
			at.Addf("%s", wrong)
			continue
		}
		if seen[d.protocol+d.address()] {
			at.Addf("is there twice; take one away")
		}
		seen[d.protocol+d.address()] = true
	}
	if !c.Password.IsZero() && c.PasswordFile != "" {
		p.At("password_file").Addf("password is given too; keep one of the two, better the file")
	}
	switch {
	case c.Username == "" && (!c.Password.IsZero() || c.PasswordFile != ""):
		p.At("username").Addf("a password needs a username; write the name it belongs to")
	case c.Username == "":
		p.At("username").Addf("is missing, and the management API has none either; write a user who may make the test queue")
	}
	if d := time.Duration(c.Interval); d < 5*time.Second || d > time.Hour {
		p.At("interval").Addf("%s is not between 5s and 1h; usual is %s", c.Interval, defaultInterval)
	}
	if d := time.Duration(c.Timeout); d < time.Second || d > time.Minute {
		p.At("timeout").Addf("%s is not between 1s and 1m; usual is %s", c.Timeout, defaultTimeout)
	}
}

// door is one way in.
type door struct {
	protocol string // amqp or amqps
	host     string
	port     int
}

// parse reads a URL of the site file, or says what is wrong with it. The
// words never repeat it: it may have a password in it.
func parse(text string) (d door, wrong string) {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Scheme != "amqp" && u.Scheme != "amqps", u.Hostname() == "":
		return d, "is no door of a broker; write amqp://HOST:5672, or amqps://HOST:5671"
	case u.User != nil:
		return d, "has a user or a password in it; write them as username and password_file"
	case u.Path != "" && u.Path != "/":
		return d, "has a path; write the virtual host as vhost"
	case u.RawQuery != "" || u.Fragment != "":
		return d, "must end with its port; take away what follows"
	}
	d = door{protocol: u.Scheme, host: u.Hostname(), port: 5672} // the ports of the AMQP URI specification
	if u.Scheme == "amqps" {
		d.port = 5671
	}
	if u.Port() != "" {
		if d.port, err = strconv.Atoi(u.Port()); err != nil || d.port < 1 || d.port > 65535 {
			return d, "has a port that is none; write one between 1 and 65535"
		}
	}
	return d, ""
}
