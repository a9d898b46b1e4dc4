package blackbox

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"tocsin/probes/dial"
	"tocsin/probes/dnsprobe"
	"tocsin/probes/grpcprobe"
	"tocsin/probes/httpprobe"
	"tocsin/probes/icmpprobe"
	"tocsin/probes/probe"
	"tocsin/probes/tcpprobe"
	"tocsin/probes/tlscheck"
	"tocsin/probes/unixprobe"
)

// A Module is one that is ready to make probers. It is never changed.
type Module struct {
	Name    string
	Prober  string        // http, tcp, dns, icmp, grpc or unix
	Timeout time.Duration // 0: none of its own

	settings settings
	tls      tlscheck.Options
	http     httpprobe.Options // all that a target does not change
}

// Dial is what a prober connects with beside what its module says: the checks
// of addresses, and in tests another resolver.
type Dial = dial.Options

// ready reads the files that a valid module names.
func (s *settings) ready(name string) (*Module, error) {
	m := &Module{Name: name, Prober: s.Prober, Timeout: time.Duration(s.Timeout), settings: *s}
	var err error
	switch s.Prober {
	case "http":
		m.http, err = s.HTTP.options()
	case "tcp":
		m.tls, err = s.TCP.TLS.options("tcp.")
	case "dns":
		m.tls, err = s.DNS.TLS.options("dns.")
	case "grpc":
		m.tls, err = s.GRPC.TLS.options("grpc.")
	case "unix":
		m.tls, err = s.Unix.TLS.options("unix.")
	}
	return m, err
}

// Settings writes the module as its file has it, without its secrets.
func (m *Module) Settings() string {
	text, err := yaml.Marshal(m.settings)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// options returns how TLS is negotiated. Its error names the key.
func (t *tlsKeys) options(section string) (tlscheck.Options, error) {
	c := tlscheck.Config{
		CAFile: t.CAFile, ServerName: t.ServerName, InsecureSkipVerify: t.InsecureSkipVerify,
		CertFile: t.CertFile, KeyFile: t.KeyFile, TLSMinVersion: t.MinVersion, TLSMaxVersion: t.MaxVersion,
	}
	if t.MinVersion == "" && t.MaxVersion != "" {
		c.TLSMinVersion = t.MaxVersion // whoever asks for an old version wants to see it
	}
	o, err := c.Options()
	if err == nil && t.CA != "" {
		o.Roots, err = tlscheck.ParseRoots([]byte(t.CA))
	}
	if err == nil && t.Cert != "" {
		o.Client, err = tlscheck.NewClient(t.Cert, t.Key)
	}
	if err != nil {
		return o, fmt.Errorf("%stls_config: %w", section, err)
	}
	return o, nil
}

// on fills in which addresses are used. As blackbox_exporter does it tries one
// address only.
func (a *addressKeys) on(d Dial, source string) Dial {
	family := 6
	if v := a.PreferredIPProtocol; v != "" && v != "ip6" {
		family = 4
	}
	d.Single = true
	if a.IPProtocolFallback == nil || *a.IPProtocolFallback {
		d.Prefer = family
	} else {
		d.IPVersion = family
	}
	d.Source, _ = netip.ParseAddr(source) // the empty text is no address, and others were refused
	return d
}

// Host returns the host that a target names for this module, without its port;
// empty for a socket. It is what a list of allowed targets is compared with.
func (m *Module) Host(target string) (string, error) {
	switch m.Prober {
	case "unix":
		if _, err := socketPath(target); err != nil {
			return "", err
		}
		return "", nil
	case "http", "grpc":
		u, err := parseURL(target)
		if err != nil {
			return "", err
		}
		return u.Hostname(), nil
	case "icmp":
		return strings.Trim(target, "[]"), nil
	default:
		host, _, err := splitTarget(target, "0")
		return host, err
	}
}

// New makes a prober for a target. Hostname, if not empty, is the name that a
// web server or a TLS server is asked for in place of the target's own. An
// error says what is wrong with the target.
func (m *Module) New(target, hostname string, d Dial) (probe.Prober, error) {
	s := &m.settings
	switch m.Prober {
	case "http":
		return m.newHTTP(target, hostname, d)
	case "tcp":
		host, port, err := splitTarget(target, "")
		if err != nil {
			return nil, err
		}
		t := m.tls
		t.ServerName = cmp.Or(t.ServerName, hostname)
		return tcpprobe.New(tcpprobe.Options{
			Target: "tcp://" + net.JoinHostPort(host, fmt.Sprint(port)), Host: host, Port: port,
			Dial: s.TCP.Addresses.on(d, s.TCP.SourceIPAddress), UseTLS: s.TCP.UseTLS, TLS: t, Steps: s.TCP.QueryResponse,
		})
	case "dns":
		return m.newDNS(target, d)
	case "icmp":
		return m.newICMP(target, d)
	case "grpc":
		return m.newGRPC(target, d)
	default:
		path, err := socketPath(target)
		if err != nil {
			return nil, err
		}
		return unixprobe.New(unixprobe.Options{Path: path, UseTLS: s.Unix.UseTLS, TLS: m.tls, Steps: s.Unix.QueryResponse})
	}
}

func (m *Module) newDNS(target string, d Dial) (probe.Prober, error) {
	k := &m.settings.DNS
	usual, transport := "53", cmp.Or(k.TransportProtocol, dnsprobe.UDP)
	if k.DNSOverTLS {
		usual, transport = "853", dnsprobe.TLS
	}
	host, port, err := splitTarget(target, usual)
	if err != nil {
		return nil, err
	}
	return dnsprobe.New(dnsprobe.Options{
		Host: host, Port: port, Transport: transport, Dial: k.Addresses.on(d, k.SourceIPAddress), TLS: m.tls,
		Name: k.QueryName, Type: cmp.Or(k.QueryType, "ANY"), Class: cmp.Or(k.QueryClass, "IN"),
		Recursion: k.RecursionDesired == nil || *k.RecursionDesired, Rcodes: k.ValidRcodes,
		Answer: k.Answer, Authority: k.Authority, Additional: k.Additional, AllMustMatch: true,
	})
}

func (m *Module) newICMP(target string, d Dial) (probe.Prober, error) {
	k := &m.settings.ICMP
	if err := checkHost(strings.Trim(target, "[]")); err != nil {
		return nil, err
	}
	o := icmpprobe.Options{
		Host: strings.Trim(target, "[]"), Dial: k.Addresses.on(d, k.SourceIPAddress), PayloadSize: k.PayloadSize, DontFragment: k.DontFragment,
	}
	if k.TTL != nil {
		o.TTL = *k.TTL
	}
	return icmpprobe.New(o), nil
}

func (m *Module) newGRPC(target string, d Dial) (probe.Prober, error) {
	k := &m.settings.GRPC
	u, err := parseURL(target)
	if err != nil {
		return nil, err
	}
	scheme, usual := "grpc", uint16(80)
	if k.UseTLS {
		scheme, usual = "grpcs", 443
	}
	port := usual
	if text := u.Port(); text != "" {
		if port, err = dial.SplitPort(text); err != nil {
			return nil, err
		}
	}
	return grpcprobe.New(grpcprobe.Options{
		Target: scheme + "://" + u.Host, Host: u.Hostname(), Port: port, Dial: k.Addresses.on(d, ""),
		UseTLS: k.UseTLS, TLS: m.tls, Service: k.Service, Metadata: k.Metadata,
	}), nil
}

// parseURL reads a target that may lack its scheme, which is http then.
func parseURL(target string) (*url.URL, error) {
	lower := strings.ToLower(target)
	switch scheme, _, ok := strings.Cut(lower, "://"); {
	case strings.HasPrefix(lower, "http://"), strings.HasPrefix(lower, "https://"):
	case ok && !strings.ContainsAny(scheme, "/?#:"):
		return nil, errors.New("the target is neither http:// nor https://")
	default:
		target = "http://" + target
	}
	u, err := url.Parse(target)
	if err != nil {
		return nil, errors.New("the target is no URL; write one as https://www.ville.example")
	}
	return u, checkHost(u.Hostname())
}

// splitTarget splits host:port; without a port the usual one is taken, and
// where there is none that is an error.
func splitTarget(target, usual string) (string, uint16, error) {
	host, text, err := net.SplitHostPort(target)
	if err != nil {
		host, text = strings.Trim(target, "[]"), usual
	}
	if text == "" {
		return "", 0, errors.New("the target has no port; write it as db1.ville.example:5432")
	}
	if err := checkHost(host); err != nil {
		return "", 0, err
	}
	if usual == "0" {
		return host, 0, nil
	}
	port, err := dial.SplitPort(text)
	if err != nil {
		return "", 0, fmt.Errorf("the target's port is none: %w", err)
	}
	return host, port, nil
}

// checkHost refuses what can be no host's name, before it becomes a label.
func checkHost(host string) error {
	if host == "" || len(host) > 253 || strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("/@?#\\", r) }) {
		return errors.New("the target names no host")
	}
	return nil
}

func socketPath(target string) (string, error) {
	path := strings.TrimPrefix(target, "unix://")
	if !strings.HasPrefix(path, "/") || strings.ContainsRune(path, 0) {
		return "", errors.New("the target is no full path of a socket; write one as /run/app.sock")
	}
	return path, nil
}
