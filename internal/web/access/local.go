package access

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// ownHosts are the names under which this instance is known.
func ownHosts(o Options) map[string]bool {
	hosts := make(map[string]bool)
	add := func(host string) {
		if host = hostOnly(host); host != "" {
			hosts[host] = true
		}
	}
	add(o.Hostname)
	short, _, _ := strings.Cut(o.Hostname, ".")
	add(short)
	add(o.Advertise)
	if u, err := url.Parse(o.ExternalURL); err == nil {
		add(u.Host)
	}
	for _, host := range o.Config.Hosts {
		add(host)
	}
	return hosts
}

// readableAs tells whether the name under which a reader without credentials
// asks may be answered. A page of a foreign site can make a browser on this
// machine, or behind this firewall, ask us under the page's own name ("DNS
// rebinding") and read the answer; it cannot do that under an address or a
// name of ours. So on the loopback, and wherever web.hosts is set, other
// names are refused.
func (a *Access) readableAs(r *http.Request) bool {
	if !overLoopback(r) && len(a.config.Hosts) == 0 {
		return true
	}
	host := hostOnly(r.Host)
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return loopbackName(host) || a.hosts[host]
}

// notLocal says what keeps a request from counting as one of a program on
// this machine; empty when it does count.
func (a *Access) notLocal(r *http.Request) string {
	host := hostOnly(r.Host)
	switch {
	case !overLoopback(r):
		return "this request did not come by the loopback"
	case forwarded(r):
		return "this request was forwarded by a proxy"
	case !r.ProtoAtLeast(1, 1):
		// What proxies speak that were not told to name themselves.
		return "this request is HTTP/1.0"
	case !loopbackName(host) && !a.hosts[host]:
		return "the Host of this request is not this machine's"
	default:
		return ""
	}
}

// overLoopback tells whether both ends of the connection are on this machine.
// A listener on all addresses takes such connections too; what counts is the
// way that this one came.
func overLoopback(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && loopbackAddress(local.String()) && loopbackAddress(r.RemoteAddr)
}

func loopbackAddress(s string) bool {
	a, err := netip.ParseAddrPort(s)
	return err == nil && a.Addr().Unmap().IsLoopback()
}

// forwarded tells whether a proxy says that it passed the request on.
func forwarded(r *http.Request) bool {
	for name := range r.Header {
		if name == "Forwarded" || name == "Via" || name == "X-Real-Ip" || name == "X-Client-Ip" ||
			name == "True-Client-Ip" || name == "Cf-Connecting-Ip" ||
			strings.HasPrefix(name, "X-Forwarded") || strings.HasPrefix(name, "X-Original") {
			return true
		}
	}
	return false
}

func loopbackName(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// hostOnly strips the port, brackets and the final dot of a Host.
func hostOnly(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
