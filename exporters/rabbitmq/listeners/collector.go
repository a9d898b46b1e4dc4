package listeners

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tocsin/exporters/rabbitmq/api"
	"tocsin/internal/frame"
)

const (
	every        = 5 * time.Minute
	patience     = 10 * time.Second // of one handshake
	maxListeners = 64
	atOnce       = 4
)

var (
	listenerInfo = &frame.Family{
		Name: "tocsin_rabbitmq_listener_info", Type: frame.Gauge, Labels: []string{"node", "protocol", "address", "port"},
		Help: "1 for each port that a node listens on. Protocol is the broker's word: amqp, amqp/ssl, http, https, clustering, mqtt, ...; address is any, local, or one of its own.",
	}
	certificateEnd = &frame.Family{
		Name: "tocsin_rabbitmq_certificate_expiry_timestamp_seconds", Type: frame.Gauge, Labels: []string{"node", "protocol", "port"},
		Help: "When the first of the certificates that a port shows ends: its own, or one of the authorities sent with it.",
	}
	certificateRead = &frame.Family{
		Name: "tocsin_rabbitmq_certificate_readable", Type: frame.Gauge, Labels: []string{"node", "protocol", "port"},
		Help: "Whether a port that should speak TLS showed a certificate (1) or not (0).",
	}
)

// Families lists what the collector may send.
func Families() []*frame.Family {
	return []*frame.Family{listenerInfo, certificateEnd, certificateRead}
}

// Collector looks at the listeners of one broker.
type Collector struct {
	client *api.Client
	host   string // of the management API's URL

	mu    sync.Mutex // guards words
	words string     // why certificates could not be read
}

// New makes a collector. Host is where the management API is.
func New(client *api.Client, managementURL string) *Collector {
	c := &Collector{client: client}
	if u, err := url.Parse(managementURL); err == nil {
		c.host = u.Hostname()
	}
	return c
}

// Entry is the collector with its clock.
func (c *Collector) Entry() frame.Entry {
	return frame.Entry{Collector: c, Every: every, Timeout: time.Minute}
}

// Name implements frame.Collector.
func (c *Collector) Name() string { return "listeners" }

// Families implements frame.Collector.
func (c *Collector) Families() []*frame.Family { return Families() }

// Explain implements frame.Explainer.
func (c *Collector) Explain() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.words
}

// listener is what /api/overview says of one.
type listener struct {
	Node     api.Text   `json:"node"`
	Protocol api.Text   `json:"protocol"`
	Address  api.Text   `json:"ip_address"`
	Port     api.Number `json:"port"`
}

// Collect implements frame.Collector. A port that shows no certificate is a
// finding.
func (c *Collector) Collect(ctx context.Context, s *frame.Sink) error {
	var o struct {
		Node      api.Text   `json:"node"`
		Listeners []listener `json:"listeners"`
	}
	if err := c.client.Get(ctx, "/api/overview", []string{"node", "listeners"}, &o); err != nil {
		return err
	}
	var wg sync.WaitGroup
	var said words
	slots := make(chan struct{}, atOnce)
	seen := map[string]bool{}
	for _, l := range o.Listeners[:min(len(o.Listeners), maxListeners)] {
		port := strconv.Itoa(int(l.Port.Value))
		labels := []string{string(l.Node), string(l.Protocol), kind(string(l.Address)), port}
		if id := strings.Join(labels, "\x00"); seen[id] || !l.Port.OK || l.Port.Value < 1 || l.Port.Value > 65535 {
			continue // a node may list a port for each of its addresses
		} else {
			seen[id] = true
		}
		s.Send(listenerInfo, 1, labels...)
		secure := []string{string(l.Node), string(l.Protocol), port}
		if id := strings.Join(secure, "\x00"); encrypted(string(l.Protocol)) && !seen[id] {
			seen[id] = true
			wg.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				address := net.JoinHostPort(c.where(l, string(o.Node)), port)
				end, err := expiry(ctx, address, c.where(l, string(o.Node)))
				s.Send(certificateRead, number(err == nil), secure...)
				if err != nil {
					said.add(fmt.Sprintf("%s of %s shows no certificate at %s: %v", l.Protocol, l.Node, address, err))
					return
				}
				s.Send(certificateEnd, float64(end.Unix()), secure...)
			})
		}
	}
	wg.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.words = said.String()
	return ctx.Err()
}

// where is the host to ask for a listener: the address that it is bound to;
// where that is any, the management API's host for the node that answers, and
// for another the host in its name, as rabbit@bus2.
func (c *Collector) where(l listener, answering string) string {
	if ip := net.ParseIP(string(l.Address)); ip != nil && !ip.IsUnspecified() {
		return ip.String()
	}
	_, host, ok := strings.Cut(string(l.Node), "@")
	if string(l.Node) == answering || !ok {
		return c.host
	}
	return host
}

// encrypted tells whether a listener speaks TLS from the first byte on, by the
// names that the broker's plugins give: amqp/ssl, mqtt/ssl, https,
// https/prometheus, stream/ssl, ...
func encrypted(protocol string) bool {
	return strings.HasSuffix(protocol, "/ssl") || protocol == "https" || strings.HasPrefix(protocol, "https/")
}

// kind bounds what an address may be.
func kind(address string) string {
	ip := net.ParseIP(address)
	switch {
	case ip == nil || ip.IsUnspecified():
		return "any"
	case ip.IsLoopback():
		return "local"
	}
	return ip.String()
}

// expiry shakes hands and returns when the first of the certificates ends.
func expiry(ctx context.Context, address, host string) (end time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return end, errors.New("no connection comes about")
	}
	defer conn.Close()
	config := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // its date is asked for, and nothing is said to it
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			for _, der := range raw {
				if certificate, err := x509.ParseCertificate(der); err == nil && (end.IsZero() || certificate.NotAfter.Before(end)) {
					end = certificate.NotAfter
				}
			}
			return nil
		},
	}
	if net.ParseIP(host) == nil {
		config.ServerName = host
	}
	err = tls.Client(conn, config).HandshakeContext(ctx)
	if !end.IsZero() {
		return end, nil // though it may want a certificate of ours
	}
	if err == nil {
		err = errors.New("it sends none")
	}
	return end, errors.New("the handshake does not come about: " + plain(err))
}

// plain says why without the addresses that the library puts in.
func plain(err error) string {
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "it takes too long"
	case errors.As(err, &record):
		return "it does not speak TLS"
	case errors.As(err, &alert):
		return strings.TrimPrefix(alert.Error(), "tls: ")
	}
	return "the connection is cut"
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// words gathers what goes wrong side by side.
type words struct {
	mu   sync.Mutex // guards said
	said []string
}

func (w *words) add(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, text)
}

// String joins them in a lasting order.
func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(w.said)
	return strings.Join(w.said, "; ")
}
