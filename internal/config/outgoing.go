package config

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"tocsin/internal/secret"
	"tocsin/probes"
)

// A Connection is one place outside this machine that Tocsin speaks to.
type Connection struct {
	To   string // host, or host:port
	Told string // what it learns by it
	Key  string // the key of the site file that it comes from
}

// Outgoing lists every place that a site's Tocsin speaks to. There is no
// other: nothing is looked up, and nothing reports home.
func Outgoing(s *Site) []Connection {
	var all []Connection
	add := func(key, to, told string) { all = append(all, Connection{to, told, key}) }
	for i, h := range s.Hosts {
		if s.Engine.Off {
			break // a plain exporter asks nobody
		}
		told := "asked for its targets and their pages"
		if h.Username != "" {
			told += ", as user " + h.Username + " with the password"
		}
		add(index("hosts", i), h.Address, told)
	}
	for i := range s.Probes {
		to, told := probed(&s.Probes[i])
		add(index("probes", i), to, told)
	}
	if s.Engine.Off {
		return all // nobody judges, so nobody speaks
	}
	return append(all, s.voices()...)
}

// probed says whom a probe speaks to, and what it tells.
func probed(c *probes.Config) (to, told string) {
	told = c.Method + " as a user would, every " + c.Interval.String()
	if c.Username != "" {
		told += ", as user " + c.Username + " with the password"
	}
	if !c.BearerToken.IsZero() || c.BearerTokenFile != "" {
		told += ", with the bearer token"
	}
	if names := append(sortedKeys(c.Headers), sortedKeys(c.HeadersFile)...); len(names) > 0 {
		told += ", with the headers " + strings.Join(names, ", ")
	}
	if c.FollowRedirects != nil && *c.FollowRedirects {
		told += "; then a plain GET to wherever it redirects"
	}
	return hostOf(c.Target), told
}

// voices are the places that alerts go to.
func (s *Site) voices() []Connection {
	const texts = "alert texts: names of hosts and services, values, times"
	var all []Connection
	m := s.Alerts.Mattermost
	switch hook := (secret.Source{Value: m.WebhookURL, File: m.WebhookURLFile}); {
	case !hook.IsZero():
		all = append(all, Connection{hostIn(hook), texts, "alerts.mattermost.webhook_url"})
	case m.URL != "":
		all = append(all, Connection{hostOf(m.URL), texts + "; who posts, by the bot's token", "alerts.mattermost.url"})
	}
	if f := s.Alerts.Fallback.SMTP; !s.Alerts.Fallback.IsZero() {
		told := texts + ", when Mattermost does not take them; the addresses " + strings.Join(f.To, ", ")
		if f.Username != "" {
			told += "; user " + f.Username + " with the password"
		}
		all = append(all, Connection{net.JoinHostPort(f.Host, strconv.Itoa(f.Port)), told, "alerts.fallback.smtp"})
	}
	if h := s.Alerts.Heartbeat; !h.IsZero() {
		all = append(all, Connection{
			hostIn(secret.Source{Value: h.URL, File: h.URLFile}),
			"a bare GET every " + h.Interval.String() + ": that this Tocsin lives", "alerts.heartbeat.url",
		})
	}
	return all
}

// hostIn names the host of an address that is a secret: the host is none, the
// path behind it is.
func hostIn(source secret.Source) string {
	address, err := source.Read()
	if err != nil {
		return "(in a file that cannot be read)"
	}
	return hostOf(address.Reveal())
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "(no host in it)"
	}
	return u.Host
}

// WriteOutgoing writes the list as a table for people.
func WriteOutgoing(w io.Writer, s *Site) error {
	connections := Outgoing(s)
	if len(connections) == 0 {
		_, err := fmt.Fprintln(w, "Nothing leaves this machine.")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "TO\tWHAT IT IS TOLD\tBECAUSE OF")
	for _, c := range connections {
		fmt.Fprintf(t, "%s\t%s\t%s\n", c.To, c.Told, c.Key)
	}
	return t.Flush()
}
