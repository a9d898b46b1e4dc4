package config

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"go.yaml.in/yaml/v3"

	"tocsin/bricks"
	"tocsin/exporters/rabbitmq"
	"tocsin/internal/lazy"
	"tocsin/internal/secret"
	"tocsin/probes"
)

// Show writes the configuration as it is in effect: what was written, and the
// defaults of what was not. Secrets are [redacted]; all else could be loaded
// again. Keys without a value are left out.
func Show(w io.Writer, s *Site) error {
	var n yaml.Node
	if err := n.Encode(s); err != nil {
		return fmt.Errorf("show configuration: %w", err)
	}
	// The defaults of a voice that is not there would look as if it were.
	alerts := child(&n, "alerts")
	for key, absent := range map[string]bool{
		"mattermost": s.Alerts.Mattermost.IsZero(),
		"fallback":   s.Alerts.Fallback.IsZero(),
		"heartbeat":  s.Alerts.Heartbeat.IsZero(),
	} {
		if absent {
			*child(alerts, key) = yaml.Node{Kind: yaml.MappingNode}
		}
	}
	if s.Updates.Untouched() {
		*child(&n, "updates") = yaml.Node{Kind: yaml.MappingNode}
	}
	prune(&n)
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(&n); err != nil {
		return fmt.Errorf("show configuration: %w", err)
	}
	return enc.Close()
}

// child is the value of a mapping's key; a value of its own where there is none.
func child(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return &yaml.Node{}
}

// prune takes away what has no value, and tells whether the node is such.
func prune(n *yaml.Node) (empty bool) {
	switch n.Kind {
	case yaml.ScalarNode:
		return n.Value == "" || n.Tag == "!!null"
	case yaml.SequenceNode:
		for _, c := range n.Content {
			prune(c)
		}
		return len(n.Content) == 0
	case yaml.MappingNode:
		kept := n.Content[:0]
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !prune(n.Content[i+1]) {
				kept = append(kept, n.Content[i], n.Content[i+1])
			}
		}
		n.Content = kept
		return len(kept) == 0
	}
	return false
}

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
	for i, b := range s.composed {
		kind, _ := bricks.Find(s.kinds, b.Kind)
		asked := map[string][]string{}
		for _, name := range kind.RequestNames() {
			if address := b.Address(kind, name); address != "" {
				asked[hostOf(address)] = append(asked[hostOf(address)], name)
			}
		}
		for _, to := range sortedKeys(asked) {
			add(index("bricks", i), to, "asked for "+strings.Join(asked[to], ", ")+", as the kind "+b.Kind+" says")
		}
	}
	for i, t := range s.Postgres {
		if to := databaseHost(t.DSN); to != "" {
			add(index("postgres", i), to, "asked for its numbers")
		}
	}
	for i := range s.RabbitMQ {
		c, every := &s.RabbitMQ[i].Config, ", every "+s.Intervals.RabbitMQ.String()
		if c.Username != "" {
			every += ", as user " + c.Username + " with the password"
		}
		if c.Mode != rabbitmq.ModeManagement {
			add(index("rabbitmq", i), hostOf(c.MetricsPage()), "asked for its page of metrics"+every)
		}
		if c.URL != "" {
			add(index("rabbitmq", i), hostOf(c.URL), "asked how it is, by its management API"+every)
		}
		if c.URL != "" && !c.Watch.Off {
			add(index("rabbitmq", i), hostOf(c.URL), "asked every "+c.Watch.Interval.String()+" what its administrator needs; as guest, once an hour at most, whether guest gets in")
		}
		if c.RoundTrip != nil {
			for _, door := range c.RoundTrip.URLs {
				add(index("rabbitmq", i), hostOf(door), "sent a message and asked to give it back, every "+c.RoundTrip.Interval.String()+
					", as user "+c.RoundTrip.Username+" with the password")
			}
		}
	}
	for i := range s.Addresses {
		if name := s.Addresses[i].DNS; name != "" && s.TellsAddresses() {
			add(index("addresses", i)+".dns", "the DNS", "asked every minute for "+name)
		}
	}
	for i := range s.brickProbes {
		to, told := probed(&s.brickProbes[i])
		add("bricks", to, told)
	}
	for i := range s.Probes {
		c := &s.Probes[i]
		to, told := probed(c)
		if len(c.From) == 0 || slices.Contains(c.From, s.HostName()) {
			add(index("probes", i), to, told)
		}
		for _, h := range s.Hosts {
			if slices.Contains(c.From, h.Name) {
				add(index("probes", i)+".from", h.Address, "asked to look at "+to+", "+told)
			}
		}
	}
	for _, c := range s.updates.Contacts() {
		told := "asked for releases of " + strings.Join(c.Projects, ", ") + ", at most every " + s.Updates.Interval.String()
		if c.Token {
			told += ", with the token"
		}
		add("updates", c.Host, told)
	}
	if s.Engine.Off {
		return all // nobody judges, so nobody speaks
	}
	return append(all, s.voices()...)
}

// databaseHost names the host in the address of a database; none for a socket
// of this machine.
func databaseHost(dsn string) string {
	host := ""
	if u, err := url.Parse(dsn); err == nil && u.Scheme != "" {
		host = cmp.Or(u.Host, u.Query().Get("host"))
	} else if m := hostInDSN().FindStringSubmatch(dsn); m != nil {
		host = m[1]
	}
	if strings.HasPrefix(host, "/") {
		return ""
	}
	return host
}

var hostInDSN = lazy.Regexp(`(?:^|\s)host\s*=\s*'?([^\s']+)`)

// probed says whom a probe speaks to, and what it tells.
func probed(c *probes.Config) (to, told string) {
	return hostOf(c.Target), "every " + c.Interval.String() + ": " + c.Told()
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
