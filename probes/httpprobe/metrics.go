package httpprobe

import (
	"net/http"
	"slices"

	"tocsin/internal/frame"
	"tocsin/probes/gradecheck"
	"tocsin/probes/journey"
	"tocsin/probes/oidccheck"
	"tocsin/probes/probe"
	"tocsin/probes/samlcheck"
)

// The names, types and meanings are blackbox_exporter's.
var (
	duration = &frame.Family{
		Name: "probe_http_duration_seconds", Labels: []string{"phase"},
		Help: "Duration of the HTTP request by phase (resolve, connect, tls, processing, transfer), summed over all redirects.",
	}
	contentLength = &frame.Family{
		Name: "probe_http_content_length",
		Help: "Length of the last answer as its header announces it; -1 when it does not.",
	}
	bodyLength = &frame.Family{
		Name: "probe_http_uncompressed_body_length",
		Help: "Length of the last answer's body as it was read.",
	}
	redirects = &frame.Family{
		Name: "probe_http_redirects",
		Help: "How many redirects were met: those that were followed, and one that was not.",
	}
	hasTLS = &frame.Family{
		Name: "probe_http_ssl",
		Help: "Whether the last answer came over TLS.",
	}
	statusCode = &frame.Family{
		Name: "probe_http_status_code",
		Help: "Status of the last answer; 0 when there was none.",
	}
	version = &frame.Family{
		Name: "probe_http_version",
		Help: "HTTP version of the last answer; 0 when there was none.",
	}
	lastModified = &frame.Family{
		Name: "probe_http_last_modified_timestamp_seconds",
		Help: "The Last-Modified header of the last answer, where it has one.",
	}
	failedByRegex = &frame.Family{
		Name: "probe_failed_due_to_regex",
		Help: "Whether the probe failed because the body is not as expected.",
	}
)

// failedByCEL is sent where the body is judged by CEL expressions only.
var failedByCEL = &frame.Family{
	Name: "probe_failed_due_to_cel",
	Help: "Whether the probe failed because the body, as JSON, is not as the CEL expression demands.",
}

// families are what every HTTP probe sends of its own.
func families() []*frame.Family {
	return []*frame.Family{
		duration, contentLength, bodyLength, redirects, hasTLS, statusCode, version, lastModified, failedByRegex, failedByCEL,
	}
}

// Families lists all that HTTP probes can send, those of every check among it.
func Families() []*frame.Family {
	return slices.Concat(families(), journey.Families(), oidccheck.Families(), samlcheck.Families(), gradecheck.Families())
}

// answer is the last answer, as far as it came.
type answer struct {
	response *http.Response // nil: none came; the body is closed
	secure   bool           // it came over TLS
	read     int64
	// failedByText and failedByCEL tell which demand the body did not meet.
	failedByText, failedByCEL bool
}

// sample turns the run into the protocol's own metrics. As with
// blackbox_exporter they are all there whatever happened.
func (l *look) sample(failure *probe.Failure) {
	r, o, last := &l.result, l.options, l.last
	for _, phase := range probe.Phases() {
		if phase == probe.PhaseResolve && r.Addressless && len(r.Hops) == 1 {
			continue // a proxy looks the name up
		}
		var sum float64
		for i := range r.Hops {
			sum += r.Hops[i].Phases[phase].Seconds()
		}
		r.Send(duration, sum, string(phase))
	}
	var length, status, proto, secure float64
	if resp := last.response; resp != nil {
		length, status = float64(resp.ContentLength), float64(resp.StatusCode)
		proto = float64(resp.ProtoMajor) + float64(resp.ProtoMinor)/10
		if last.secure {
			secure = 1
		}
		if t, err := http.ParseTime(resp.Header.Get("Last-Modified")); err == nil {
			r.Send(lastModified, float64(t.Unix()))
		}
	}
	r.Send(contentLength, length)
	r.Send(bodyLength, float64(last.read))
	met := max(0, len(r.Hops)-1-l.begun)
	if resp := last.response; resp != nil && isRedirect(resp.StatusCode) && resp.Header.Get("Location") != "" {
		met++
	}
	r.Send(redirects, float64(met))
	r.Send(hasTLS, secure)
	r.Send(statusCode, status)
	r.Send(version, proto)
	var regex float64
	if last.failedByText || failure != nil && failure.Reason == probe.Header {
		regex = 1
	}
	r.Send(failedByRegex, regex)
	if o.Body.JSON != nil || o.Body.JSONNot != nil {
		var cel float64
		if last.failedByCEL {
			cel = 1
		}
		r.Send(failedByCEL, cel)
	}
}
