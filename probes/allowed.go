package probes

import (
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"strings"

	"tocsin/probes/allow"
)

// Place is where an entry's target is, for the list of what may be probed.
func (c *Config) Place() allow.Target {
	_, scheme := schemeOf(c.Target)
	e := c.entry(scheme)
	switch {
	case e == nil:
		return allow.Target{}
	case e.URL.Host == "":
		return allow.Target{Path: e.URL.Path}
	}
	return allow.Target{Host: e.Host(), Port: e.Port(), Web: scheme.Name == "http" || scheme.Name == "https"}
}

// namedHosts are the hosts that an entry names beside its target's, in whatever
// key: a page of a journey, the server that fetches mail. The site has chosen
// them.
func (c *Config) namedHosts() []string {
	var hosts []string
	walk(reflect.ValueOf(c).Elem(), func(text string) {
		if host := hostOf(text); host != "" {
			hosts = append(hosts, host)
		}
	})
	return hosts
}

// walk calls found with each text of a value; never with secrets, which are
// texts to nobody.
func walk(v reflect.Value, found func(string)) {
	switch v.Kind() {
	case reflect.String:
		found(v.String())
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			walk(v.Elem(), found)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			walk(v.Index(i), found)
		}
	case reflect.Map:
		for at := v.MapRange(); at.Next(); {
			walk(at.Value(), found)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				walk(v.Field(i), found)
			}
		}
	default: // numbers and the like name no host
	}
}

// hostOf is the host of a text that is a URL, an address, or a host and port;
// empty for all others.
func hostOf(text string) string {
	if strings.Contains(text, "://") {
		if u, err := url.Parse(text); err == nil {
			return u.Hostname()
		}
		return ""
	}
	if _, err := netip.ParseAddr(text); err == nil {
		return text
	}
	if host, port, err := net.SplitHostPort(text); err == nil && strings.Trim(port, "0123456789") == "" {
		return host
	}
	return ""
}
