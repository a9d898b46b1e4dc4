package web

import (
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/frame"
	"tocsin/internal/sd"
)

// Groups lists the targets of a view as they are discovered, at the given
// address; this machine's comes first.
func Groups(v *View, address string) []sd.Group {
	groups := make([]sd.Group, 0, len(v.Targets)+1)
	if v.Node != nil {
		groups = append(groups, group(v.Node, address, "/metrics"))
	}
	for _, t := range v.Targets {
		spec := t.Spec()
		groups = append(groups, group(t, address, "/metrics/"+spec.Job+"/"+spec.ID))
	}
	return groups
}

func group(t *frame.Target, address, path string) sd.Group {
	spec := t.Spec()
	labels := make(map[string]string, len(spec.Labels)+5)
	maps.Copy(labels, spec.Labels)
	labels[sd.LabelJob] = spec.Job
	labels[sd.LabelInstance] = spec.Instance
	labels[sd.LabelPath] = path
	if interval := spec.Interval; interval > 0 {
		labels[sd.LabelInterval] = span(interval)
		if spec.Timeout > 0 {
			// A timeout longer than the interval makes Prometheus drop the target.
			labels[sd.LabelTimeout] = span(min(spec.Timeout, interval))
		}
	}
	return sd.Group{Targets: []string{address}, Labels: labels}
}

// span writes a duration as Prometheus reads it: whole milliseconds.
func span(d time.Duration) string {
	return model.Duration(max(d.Truncate(time.Millisecond), time.Millisecond)).String()
}

// discovery answers with the list of targets in Prometheus' HTTP service
// discovery format.
func (s *Server) discovery(w http.ResponseWriter, r *http.Request) {
	view := s.options.View()
	address := view.Advertise
	if address == "" {
		address = asked(r)
	}
	if address == "" {
		say(w, http.StatusBadRequest, "the request has no usable Host; set advertise in the site file")
		return
	}
	groups := Groups(view, address)
	if view.Access.TLS() != nil {
		// Said only where we know it: behind a proxy the scraper's own scheme holds.
		for _, g := range groups {
			g.Labels[sd.LabelScheme] = "https"
		}
	}
	body := s.buffer()
	defer s.release(body)
	encoder := json.NewEncoder(body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(groups); err != nil {
		s.log.Error("list of targets could not be written", "err", err)
		say(w, http.StatusInternalServerError, "the list could not be written; the log says why")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	s.send(w, r, body, true)
}

// asked returns the address under which the client asked, empty if it is none
// that could be scraped.
func asked(r *http.Request) string {
	address := r.Host
	if address == "" {
		if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
			address = local.String()
		}
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return bare(address)
	}
	if bare(host) == "" || strings.Trim(port, "0123456789") != "" {
		return ""
	}
	return address
}

// bare returns host if it can be a host's name or address.
func bare(host string) string {
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return host
	}
	for _, c := range []byte(host) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '-', c == '_':
		default:
			return ""
		}
	}
	return host
}
