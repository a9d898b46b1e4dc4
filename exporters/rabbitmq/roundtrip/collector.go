package roundtrip

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/secret"
)

var (
	success = &frame.Family{
		Name: "tocsin_rabbitmq_round_trip_success", Type: frame.Gauge, Labels: []string{"protocol", "address"},
		Help: "Whether a message went through the broker and came back (1) or not (0). Protocol is amqp or amqps.",
	}
	duration = &frame.Family{
		Name: "tocsin_rabbitmq_round_trip_duration_seconds", Type: frame.Gauge, Labels: []string{"protocol", "address", "phase"},
		Help: "How long the newest round trip took, where it succeeded: to connect (TLS and log-in included), to declare the test queue, to deliver the message.",
	}
	failed = &frame.Family{
		Name: "tocsin_rabbitmq_round_trip_failure_info", Type: frame.Gauge, Labels: []string{"protocol", "address", "reason"},
		Help: "1 for why no message came back: unreachable, tls, protocol, refused, forbidden, blocked, lost, timeout, setup, closed.",
	}
)

// Families lists what the collector may send.
func Families() []*frame.Family { return []*frame.Family{success, duration, failed} }

// Collector sends messages round. That none comes back is what it finds, no
// failure of its own.
type Collector struct {
	config   Config
	password secret.Source
	doors    []door

	mu    sync.Mutex // guards words
	words string     // of the newest run
}

// New makes a collector of a valid configuration with its defaults.
func New(c Config) *Collector {
	made := &Collector{config: c, password: secret.Source{Value: c.Password, File: c.PasswordFile}}
	for _, text := range c.URLs {
		if d, wrong := parse(text); wrong == "" {
			made.doors = append(made.doors, d)
		}
	}
	return made
}

// Entry is the collector with its clock.
func (c *Collector) Entry() frame.Entry {
	every := time.Duration(c.config.Interval)
	return frame.Entry{
		Collector: c, Every: every, Retry: every / 4,
		Timeout: time.Duration(c.config.Timeout) + 2*farewell,
	}
}

// Name implements frame.Collector.
func (c *Collector) Name() string { return "round_trip" }

// Families implements frame.Collector.
func (c *Collector) Families() []*frame.Family { return Families() }

// Explain implements frame.Explainer.
func (c *Collector) Explain() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.words
}

// Collect implements frame.Collector. The doors are tried side by side.
func (c *Collector) Collect(ctx context.Context, s *frame.Sink) error {
	said := make([]string, len(c.doors))
	var wg sync.WaitGroup
	for i, d := range c.doors {
		wg.Go(func() { said[i] = c.through(ctx, s, d) })
	}
	wg.Wait()
	var words []string
	for _, w := range said {
		if w != "" {
			words = append(words, w)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.words = strings.Join(words, "; ")
	return nil
}

// through sends a message through one door and returns what went wrong.
func (c *Collector) through(ctx context.Context, s *frame.Sink, d door) string {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(c.config.Timeout))
	defer cancel()
	t, err := c.prepare(d)
	var took times
	if err == nil {
		took, err = t.run(ctx)
	}
	if err != nil {
		f := d.judge(err, c.config.Vhost, c.config.Username)
		s.Send(success, 0, d.protocol, d.address())
		s.Send(failed, 1, d.protocol, d.address(), string(f.reason))
		return fmt.Sprintf("no message comes back through %s://%s: %s", d.protocol, d.address(), f.words)
	}
	s.Send(success, 1, d.protocol, d.address())
	s.Send(duration, took.connect.Seconds(), d.protocol, d.address(), "connect")
	s.Send(duration, took.declare.Seconds(), d.protocol, d.address(), "declare")
	s.Send(duration, took.deliver.Seconds(), d.protocol, d.address(), "deliver")
	return ""
}

// prepare reads what may have been renewed: the password and the authorities.
func (c *Collector) prepare(d door) (*trip, error) {
	password, err := c.password.Read()
	if err != nil {
		return nil, fail(Setup, "the password cannot be read: %v", err)
	}
	t := &trip{door: d, vhost: c.config.Vhost, username: c.config.Username, password: password.Reveal()}
	if d.protocol != "amqps" {
		return t, nil
	}
	t.tls = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: d.host}
	if c.config.CAFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(c.config.CAFile)
	if err != nil {
		return nil, fail(Setup, "ca_file: %v", err)
	}
	t.tls.RootCAs = x509.NewCertPool()
	if !t.tls.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fail(Setup, "ca_file: %s has no certificate in it", c.config.CAFile)
	}
	return t, nil
}
