package httpprobe

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/net/http/httpproxy"
	"golang.org/x/net/proxy"

	"tocsin/internal/secret"
	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/stream"
	"tocsin/probes/tlscheck"
)

// maxConnectAnswer bounds what a proxy says to CONNECT.
const maxConnectAnswer = 64 << 10

// A Proxy is who is asked to connect in our place.
type Proxy struct {
	// URL is http, https or socks5; its user and password are sent to it alone.
	URL *url.URL
	// NoProxy lists names, addresses and networks that are connected to
	// directly, by commas; empty: none.
	NoProxy string
	// FromEnvironment takes URL and NoProxy from HTTP_PROXY and its like.
	FromEnvironment bool
	// ConnectHeader is sent with CONNECT.
	ConnectHeader map[string][]secret.Text
	// SkipResolve leaves looking up the target's name to the proxy. Without
	// it the name is looked up here first, and the proxy is given an address
	// to tunnel to; of a page without TLS it is asked by the name.
	SkipResolve bool
}

// of returns the proxy for a URL; nil for none.
func (p *Proxy) of(at *url.URL) *url.URL {
	switch {
	case p == nil:
		return nil
	case p.FromEnvironment:
		u, _ := httpproxy.FromEnvironment().ProxyFunc()(at) // a variable that is no URL names no proxy
		return u
	case p.NoProxy == "":
		return p.URL
	}
	c := httpproxy.Config{HTTPProxy: p.URL.String(), HTTPSProxy: p.URL.String(), NoProxy: p.NoProxy}
	u, _ := c.ProxyFunc()(at) // it was a URL
	return u
}

// secrets are what nobody may see of the proxy.
func (p *Proxy) secrets() []string {
	if p == nil {
		return nil
	}
	var hidden []string
	if p.URL != nil && p.URL.User != nil {
		if password, ok := p.URL.User.Password(); ok {
			hidden = append(hidden, password)
		}
		hidden = append(hidden, basic(p.URL.User))
	}
	for _, values := range p.ConnectHeader {
		for _, v := range values {
			hidden = append(hidden, v.Reveal())
		}
	}
	return hidden
}

func basic(user *url.Userinfo) string {
	password, _ := user.Password()
	return base64.StdEncoding.EncodeToString([]byte(user.Username() + ":" + password))
}

// address makes a request without TLS one that a proxy understands. As
// blackbox_exporter's, and Go's own, it has the name that is asked for in it,
// whatever was looked up here.
func (p *Proxy) address(req *http.Request, by *url.URL) {
	if by.Scheme == "socks5" || by.Scheme == "socks5h" {
		return
	}
	u := *req.URL
	u.Opaque = "//" + u.Host + u.EscapedPath()
	req.URL = &u
	if by.User != nil {
		req.Header.Set("Proxy-Authorization", "Basic "+basic(by.User))
	}
}

// spares tells whether an address is one that is connected to directly. As
// blackbox_exporter does, NoProxy is compared with the target's name and with
// its address.
func (p *Proxy) spares(at *url.URL, address netip.Addr) bool {
	u := *at
	u.Host = net.JoinHostPort(address.String(), port(at))
	return p.of(&u) == nil
}

// connectBy reaches a server by the proxy l.by, which it sets to nil where the
// address that it finds is one to connect to directly.
func (l *look) connectBy(ctx context.Context, n int, at *url.URL, number uint16) (net.Conn, error) {
	host, by := at.Hostname(), l.by
	var found dial.Outcome
	if l.options.Proxy.SkipResolve {
		l.result.Addressless = true
	} else {
		began := time.Now()
		address, out, err := l.dial(n).Find(ctx, host)
		stream.Reached(&l.result, n, began, host, &out, err)
		if err != nil {
			return nil, err
		}
		if n == 0 && l.options.Proxy.spares(at, address) {
			l.by = nil
			return stream.Connect(ctx, &l.result, n, l.dial(n), host, number)
		}
		host, found = address.String(), out
	}
	began := time.Now()
	conn, err := l.reachProxy(ctx, by)
	if err == nil {
		target := net.JoinHostPort(host, strconv.Itoa(int(number)))
		switch by.Scheme {
		case "socks5", "socks5h":
			conn, err = socks(ctx, conn, by, target)
		default:
			if at.Scheme == "https" {
				conn, err = l.tunnel(ctx, conn, by, target)
			}
		}
	}
	h := &l.result.Hops[n]
	h.Found, h.Phases[probe.PhaseResolve], h.Phases[probe.PhaseConnect] = found.Found, found.Resolve, time.Since(began)
	if err != nil {
		l.result.Step(n, probe.PhaseConnect, began, true, err.Error())
		return nil, err
	}
	l.result.Step(n, probe.PhaseConnect, began, false, "connected by the proxy "+by.Host)
	return conn, nil
}

// reachProxy connects to the proxy itself. The site names it, so that it may
// have any address.
func (l *look) reachProxy(ctx context.Context, by *url.URL) (net.Conn, error) {
	o := dial.Options{Source: l.options.Dial.Source, Lookup: l.options.Dial.Lookup, Dial: l.options.Dial.Dial}
	text := by.Port()
	if text == "" {
		text = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[by.Scheme]
	}
	number, err := dial.SplitPort(text)
	if err != nil {
		return nil, &probe.Unmeasured{Err: fmt.Errorf("the proxy's port: %w", err)}
	}
	conn, _, err := o.TCP(ctx, by.Hostname(), number)
	if err == nil && by.Scheme == "https" {
		secure, _, tlsErr := tlscheck.Handshake(ctx, conn, by.Hostname(), &tlscheck.Options{Roots: l.options.TLS.Roots, SkipVerify: l.options.TLS.SkipVerify, Now: l.options.TLS.Now})
		if tlsErr != nil {
			_ = conn.Close()
			return nil, aboutProxy(tlsErr)
		}
		return secure, nil
	}
	if err != nil {
		return nil, aboutProxy(err)
	}
	return conn, nil
}

// aboutProxy says that a failure is the proxy's: nothing is known of the
// target then.
func aboutProxy(err error) error {
	if f, ok := errors.AsType[*probe.Failure](err); ok {
		return probe.Fail(f.Reason, f.Phase, fmt.Errorf("the proxy: %w", f.Err))
	}
	return err
}

// tunnel has the proxy connect to target. What the proxy says is bounded, and
// nothing is read of what comes after.
func (l *look) tunnel(ctx context.Context, conn net.Conn, by *url.URL, target string) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	req := (&http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: target}, Host: target, Header: http.Header{"User-Agent": {userAgent}}}).WithContext(ctx)
	for name, values := range l.options.Proxy.ConnectHeader {
		for _, v := range values {
			req.Header.Add(name, v.Reveal())
		}
	}
	if by.User != nil {
		req.Header.Set("Proxy-Authorization", "Basic "+basic(by.User))
	}
	err := req.Write(conn)
	var resp *http.Response
	in := bufio.NewReader(io.LimitReader(conn, maxConnectAnswer))
	if err == nil {
		resp, err = http.ReadResponse(in, req) //nolint:bodyclose // what follows CONNECT is the tunnel, which is closed as the connection
	}
	switch {
	case err != nil:
		err = aboutProxy(l.answerError(ctx, probe.PhaseConnect, err))
	case resp.StatusCode != http.StatusOK:
		err = probe.Fail(probe.Status, probe.PhaseConnect, fmt.Errorf("the proxy answers %d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))
	case in.Buffered() > 0:
		err = probe.Fail(probe.Protocol, probe.PhaseConnect, errors.New("the proxy: sends more than it was asked for"))
	default:
		return conn, nil
	}
	_ = conn.Close()
	return nil, err
}

// socks has a SOCKS5 proxy connect to target.
func socks(ctx context.Context, conn net.Conn, by *url.URL, target string) (net.Conn, error) {
	var auth *proxy.Auth
	if by.User != nil {
		password, _ := by.User.Password()
		auth = &proxy.Auth{User: by.User.Username(), Password: password}
	}
	dialer, err := proxy.SOCKS5("tcp", by.Host, auth, handed{conn})
	if err == nil {
		var out net.Conn
		if out, err = dialer.(proxy.ContextDialer).DialContext(ctx, "tcp", target); err == nil {
			return out, nil
		}
	}
	_ = conn.Close()
	if ended := probe.Ended(ctx, probe.PhaseConnect, "waiting for the proxy"); ended != nil {
		return nil, ended
	}
	return nil, probe.Fail(probe.Unreachable, probe.PhaseConnect, fmt.Errorf("the proxy: %w", err))
}

// handed is a dialer that has its connection already.
type handed struct{ conn net.Conn }

// Dial implements proxy.Dialer.
func (h handed) Dial(string, string) (net.Conn, error) { return h.conn, nil }

// DialContext implements proxy.ContextDialer.
func (h handed) DialContext(context.Context, string, string) (net.Conn, error) { return h.conn, nil }
