package probes

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"time"

	"tocsin/internal/secret"
	"tocsin/probes/dial"
	"tocsin/probes/httpprobe"
	"tocsin/probes/probe"
	"tocsin/probes/tlscheck"
)

// Options is what a probe is given beside its entry in the site file. The zero
// value is right for probes that the site file names.
type Options struct {
	// AllowAddress refuses an address by an error that says why. It is asked
	// in the dialer, after each look-up and at each redirect.
	AllowAddress func(netip.Addr) error
	// Lookup replaces the system's resolver.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// Dial replaces net.Dialer; the address is an IP address and port.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the time that certificates are verified at; nil is time.Now.
	Now func() time.Time
}

// newHTTP builds the prober for http and https.
func newHTTP(c *Config, o *Options) (probe.Prober, error) {
	u, err := url.Parse(c.Target)
	if err != nil {
		return nil, fmt.Errorf("the target is no URL")
	}
	roots, err := tlscheck.LoadRoots(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	options := httpprobe.Options{
		URL: u, Method: c.Method,
		Username:        c.Username,
		Password:        secret.Source{Value: c.Password, File: c.PasswordFile},
		BearerToken:     secret.Source{Value: c.BearerToken, File: c.BearerTokenFile},
		FollowRedirects: c.follows(),
		MaxBody:         c.Body.MaxBytes,
		Dial:            dial.Options{IPVersion: c.IPVersion, AllowAddress: o.AllowAddress, Lookup: o.Lookup, Dial: o.Dial},
		TLS:             tlscheck.Options{ServerName: c.ServerName, Roots: roots, SkipVerify: c.InsecureSkipVerify},
		Now:             o.Now,
	}
	for name := range mergedKeys(c.Headers, c.HeadersFile) {
		options.Headers = append(options.Headers, httpprobe.Header{
			Name: name, Value: secret.Source{Value: c.Headers[name], File: c.HeadersFile[name]},
		})
	}
	for _, s := range c.Status {
		r, err := parseStatus(s)
		if err != nil {
			return nil, fmt.Errorf("status %q %w", s, err)
		}
		options.Status = append(options.Status, r)
	}
	options.Body.Contains = c.Body.Contains
	for _, re := range []struct {
		text string
		into **regexp.Regexp
	}{{c.Body.Matches, &options.Body.Matches}, {c.Body.NotMatches, &options.Body.NotMatches}} {
		if re.text == "" {
			continue
		}
		if *re.into, err = regexp.Compile(re.text); err != nil {
			return nil, fmt.Errorf("body: %w", err)
		}
	}
	return httpprobe.New(options)
}

// mergedKeys yields the names of both maps, each once, sorted.
func mergedKeys(a map[string]secret.Text, b map[string]string) iter.Seq[string] {
	names := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(names)
	return slices.Values(slices.Compact(names))
}
