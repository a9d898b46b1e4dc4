package httpprobe

import (
	"net/http"

	"tocsin/internal/frame"
	"tocsin/probes/probe"
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
		Help: "How many redirects were followed.",
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

// Families lists what an HTTP probe sends of its own.
func Families() []*frame.Family {
	return []*frame.Family{
		duration, contentLength, bodyLength, redirects, hasTLS, statusCode, version, lastModified, failedByRegex, failedByCEL,
	}
}

// answer is the last answer, as far as it came.
type answer struct {
	response *http.Response // nil: none came; the body is closed
	read     int64
	// failedByCEL tells that a CEL expression was not as it must be.
	failedByCEL bool
}

// sample turns a run into the protocol's own metrics. As with
// blackbox_exporter they are all there whatever happened.
func sample(r *probe.Result, o *Options, last answer, failure *probe.Failure) {
	for _, phase := range probe.Phases() {
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
		if r.Hops[len(r.Hops)-1].TLS != nil {
			secure = 1
		}
		if t, err := http.ParseTime(resp.Header.Get("Last-Modified")); err == nil {
			r.Send(lastModified, float64(t.Unix()))
		}
	}
	r.Send(contentLength, length)
	r.Send(bodyLength, float64(last.read))
	r.Send(redirects, float64(max(0, len(r.Hops)-1)))
	r.Send(hasTLS, secure)
	r.Send(statusCode, status)
	r.Send(version, proto)
	var regex float64
	if failure != nil && (failure.Reason == probe.Body && !last.failedByCEL || failure.Reason == probe.Header) {
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
