package web

import (
	"bytes"
	"context"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// A ProbeQuery is one look that somebody asks for by GET /probe, as of
// blackbox_exporter.
type ProbeQuery struct {
	Target   string
	Module   string // never empty
	Hostname string // the name to ask for in place of the target's own; mostly empty
	Debug    bool   // the account is wanted, not the page
	// Entry is how to look, in place of a module: what another instance of the
	// site wrote. JSON asks for account and page together, as it takes them.
	Entry string
	JSON  bool
	// Patience is how long whoever asks lets the look take. Waited is what the
	// look has lost of it by waiting for its turn: a look that ran out of time
	// then says nothing of the target.
	Patience, Waited time.Duration
}

// A ProbeAnswer is what came of it.
type ProbeAnswer struct {
	// Status is 200, or says why nothing is known of the target: 400 when the
	// question is wrong, 403 when the target may not be asked for, 503 when
	// something hindered the look.
	Status   int
	Text     string              // what is wrong, or the account
	JSON     []byte              // the answer to who asked for it
	Families []*dto.MetricFamily // the page; unused where Text is the answer
}

// Bounds of looks that are asked for.
const (
	// probeOffset is what a look leaves to the scraper for the rest.
	//
	// Source: blackbox_exporter's flag --timeout-offset.
	probeOffset    = 500 * time.Millisecond
	maxProbeTarget = 4 << 10
	probeModule    = "http_2xx" // where nobody names one
)

// probePatience returns how long a look may take, as blackbox_exporter has it:
// 120 s where no scraper says otherwise.
func probePatience(h http.Header) (time.Duration, bool) {
	text := h.Get(timeoutHeader)
	if text == "" {
		return maxScrape - probeOffset, true
	}
	seconds, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || math.IsNaN(seconds) || seconds < 0:
		return 0, false
	case seconds == 0 || seconds >= maxScrape.Seconds():
		return maxScrape - probeOffset, true
	}
	timeout := time.Duration(seconds * float64(time.Second))
	if timeout <= probeOffset {
		return timeout, true
	}
	return timeout - probeOffset, true
}

// probe looks once at what the request names, always afresh.
func (s *Server) probe(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	q := ProbeQuery{Target: probeTarget(query), Module: query.Get("module"), Hostname: query.Get("hostname"), Debug: query.Get("debug") == "true", Entry: query.Get("entry"), JSON: query.Get("format") == "json"}
	if q.Module == "" {
		q.Module = probeModule
	}
	var ok bool
	switch q.Patience, ok = probePatience(r.Header); {
	case !ok:
		say(w, http.StatusBadRequest, timeoutHeader+" is no number of seconds")
		return
	case q.Target == "":
		say(w, http.StatusBadRequest, "Target parameter is missing; ask for /probe?target=www.ville.example&module="+probeModule)
		return
	case len(q.Target) > maxProbeTarget:
		say(w, http.StatusBadRequest, "the target is longer than a URL can be")
		return
	}
	leave, waited, ok := s.probes.enter(r.Context(), q.Target, q.Patience-leastLook(q.Patience))
	if !ok {
		w.Header().Set("Retry-After", "5")
		s.metrics.refusals.WithLabelValues("overload").Inc()
		say(w, http.StatusServiceUnavailable, "too many probes at once, of this target or in all, and no place became free in time; try again later")
		return
	}
	defer leave()
	q.Patience, q.Waited = q.Patience-waited, waited
	ctx, cancel := context.WithTimeout(r.Context(), q.Patience+probeOffset)
	defer cancel()
	look := s.options.View().Probe
	if look == nil {
		say(w, http.StatusNotFound, "nothing can be probed here")
		return
	}
	a := look(ctx, q)
	switch {
	case a.Status == http.StatusOK && a.JSON != nil:
		w.Header().Set("Content-Type", "application/json")
		s.send(w, r, bytes.NewBuffer(a.JSON), true)
	case a.Status != http.StatusOK:
		say(w, a.Status, a.Text)
	case q.Debug:
		say(w, http.StatusOK, a.Text)
	default:
		s.sendPage(w, r, a.Families, pageFormat(r.Header, false), true)
	}
}

// probeTarget reads the target; some write it escaped twice, and
// blackbox_exporter has always understood that.
func probeTarget(query url.Values) string {
	target := query.Get("target")
	if again, err := url.QueryUnescape(target); err == nil {
		return again
	}
	return target
}
